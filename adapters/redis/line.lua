-- What all scripts of a concert's queue begin with. ARGV[1] is the epoch they are meant for: in another they do nothing.
-- Places are exact in a double but lose digits in tostring and `..`: they leave Lua as %.0f or as returned integers.
local EPOCH, WAITING, ACTIVE, GRANTING, SPENT, LOG, COUNTERS, ADMITTED, CHECKS = unpack(KEYS)
local LONGEST_LOG = 10000
local MEASURED_FOR = 5000

if redis.call('GET', EPOCH) ~= ARGV[1] then
  return {0}
end

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local news = {}

local function digits(number)
  return string.format('%.0f', number)
end

local function score(key, member)
  local found = redis.call('ZSCORE', key, member)
  return found and tonumber(found)
end

local function tell(kind, user, place)
  news[#news + 1] = kind .. user .. digits(place)
end

local function publish()
  for first = 1, #news, 1000 do
    redis.call('RPUSH', LOG, unpack(news, first, math.min(first + 999, #news)))
  end
  if #news > 0 then
    redis.call('LTRIM', LOG, -LONGEST_LOG, -1)
    redis.call('HINCRBY', COUNTERS, 'told', #news)
  end
end

-- told, ms until admission opens, waiting, active, admitted in the last minute, admissions per 1000 s (-1: unknown)
local function state()
  local known = redis.call('HMGET', COUNTERS, 'told', 'opens_at', 'minute', 'pace', 'measured_at')
  local minute, pace = tonumber(known[3] or 0), tonumber(known[4] or -1)
  if now - tonumber(known[5] or 0) > MEASURED_FOR then
    minute, pace = 0, -1
  end
  return {
    tonumber(known[1] or 0), math.max(0, tonumber(known[2] or 0) - now),
    redis.call('ZCARD', WAITING), redis.call('ZCARD', ACTIVE), minute, pace,
  }
end
