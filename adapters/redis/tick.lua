-- One admission tick: settle what the database has decided, take who is next, name whose pass may be over.
-- ARGV: epoch, capacity, rate, '1' if admitting, ms of a pass, ms of admissions that may be saved up, most to take,
--   most suspects, first slot to sweep or -1, then four lists, each behind its length:
--   granted (user, place), refused (user, place), freed (user, mark), kept (user, mark, remaining ms).
local capacity, rate, admitting = tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4] == '1'
local pass, saved_up, most, most_suspects, sweep_from = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9])
local MEASURE_SLOT, PACE_SLOTS = 2000, 10

local next_argument = 10
local function each_of(width, act)
  local length = tonumber(ARGV[next_argument])
  next_argument = next_argument + 1
  for _ = 1, length do
    act(ARGV[next_argument], tonumber(ARGV[next_argument + 1]), tonumber(ARGV[next_argument + 2]))
    next_argument = next_argument + width
  end
end

local function spend(user, place)
  if (score(SPENT, user) or 0) < place then
    redis.call('ZADD', SPENT, digits(place), user)
  end
end

local function close_granting(user, place)
  if score(GRANTING, user) ~= place then
    return false
  end
  redis.call('ZREM', GRANTING, user)
  spend(user, place)
  return true
end

each_of(2, function(user, place)
  if close_granting(user, place) then
    tell('A', user, place)
  end
end)
each_of(2, function(user, place)
  if close_granting(user, place) then
    redis.call('ZREM', ACTIVE, user)
    tell('E', user, place)
  end
end)
each_of(2, function(user, mark)
  if score(ACTIVE, user) == mark and not score(GRANTING, user) then
    redis.call('ZREM', ACTIVE, user)
    tell('E', user, score(SPENT, user) or 0)
  end
end)
each_of(3, function(user, mark, remaining)
  if score(ACTIVE, user) == mark then
    redis.call('ZADD', ACTIVE, digits(now + remaining), user)
  end
end)

-- Admissions are saved up like drops, a fraction of a second's worth at most: neither bursts nor starving between ticks.
local known = redis.call('HMGET', COUNTERS, 'credit', 'ticked_at', 'opens_at', 'since', 'first')
local fullest = math.max(1, rate * saved_up / 1000)
local credit = fullest
if known[1] then
  credit = math.min(fullest, tonumber(known[1]) + math.max(0, now - tonumber(known[2])) * rate / 1000)
end
local admitted = 0
if admitting and rate > 0 and now >= tonumber(known[3] or 0) then
  local room = math.min(math.floor(credit), capacity - redis.call('ZCARD', ACTIVE), most)
  if room > 0 then
    local heads = redis.call('ZPOPMIN', WAITING, room)
    for i = 1, #heads, 2 do
      local user, place = heads[i], tonumber(heads[i + 1])
      redis.call('ZADD', ACTIVE, digits(now + pass), user)
      redis.call('ZADD', GRANTING, digits(place), user)
      tell('-', user, place)
      admitted = admitted + 1
    end
  end
end
redis.call('HSET', COUNTERS, 'credit', string.format('%.6f', credit - admitted), 'ticked_at', digits(now))
publish()

-- How fast it goes: admissions in slots of two seconds; the pace from the last ten, or from when it began to move,
-- without those of that first moment, who had been saved up.
local slot = math.floor(now / MEASURE_SLOT)
local oldest = slot - PACE_SLOTS
local since, first = tonumber(known[4] or now), tonumber(known[5] or 0)
if admitted > 0 then
  redis.call('HINCRBY', ADMITTED, digits(slot), admitted)
end
local minute, recent = 0, 0
local counts = redis.call('HGETALL', ADMITTED)
for i = 1, #counts, 2 do
  local counted, amount = tonumber(counts[i]), tonumber(counts[i + 1])
  if counted <= slot - 60000 / MEASURE_SLOT then
    redis.call('HDEL', ADMITTED, counts[i])
  else
    minute = minute + amount
    if counted > oldest then
      recent = recent + amount
    end
  end
end
local pace = -1
if recent == admitted and admitted > 0 then
  since, first = now, admitted
elseif recent > 0 then
  local window = (oldest + 1) * MEASURE_SLOT
  local measured = now - math.max(since, window)
  if measured >= 3000 then
    pace = (since >= window and recent - first or recent) * 1000000 / measured
  end
end
if pace == 0 then
  pace = -1
end
redis.call('HSET', COUNTERS, 'minute', minute, 'pace', digits(pace), 'measured_at', digits(now), 'since', digits(since),
  'first', first)

local suspects = {}
local seen = {}
local function suspect(user, mark)
  if not seen[user] and not score(GRANTING, user) then
    seen[user] = true
    suspects[#suspects + 1] = user
    suspects[#suspects + 1] = tonumber(mark)
  end
end
local over = redis.call('ZRANGEBYSCORE', ACTIVE, '-inf', digits(now), 'WITHSCORES', 'LIMIT', 0, most_suspects)
for i = 1, #over, 2 do
  suspect(over[i], over[i + 1])
end
for _, user in ipairs(redis.call('SPOP', CHECKS, most_suspects)) do
  local mark = score(ACTIVE, user)
  if mark then
    suspect(user, mark)
  end
end
local swept = 0
if sweep_from >= 0 then
  local some = redis.call('ZRANGE', ACTIVE, sweep_from, sweep_from + most_suspects - 1, 'WITHSCORES')
  swept = #some / 2
  for i = 1, #some, 2 do
    suspect(some[i], some[i + 1])
  end
end

local taken = redis.call('ZRANGE', GRANTING, 0, most - 1, 'WITHSCORES')
for i = 2, #taken, 2 do
  taken[i] = tonumber(taken[i])
end
return {1, state(), taken, suspects, admitted, swept}
