-- One circuit: what its state is, who probes it, and what a verdict does to it. The clock is the server's.
-- KEYS: state, window, probe (one hash tag). Times in milliseconds.
-- ARGV: question, token, generation, successes, threshold, open, bucket, minimum, percent, lease
--   question: look | probe | success | failure | none; token: the probe's name, or ''; successes: told together, of that generation
-- Answers: standing, generation, failures in a row, wait, changed ('' or the new state)
--   standing: closed | opened (wait) | ripe (a probe may be taken) | probed (another's turn, wait) | half-opened (this one's)
local question, token, generation, successes = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local threshold, open, bucket, minimum = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local percent, lease = tonumber(ARGV[9]), tonumber(ARGV[10])
local BUCKETS = 10
local REMEMBERED = 86400000

local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
local changed = ''

local function whole(number)
  return string.format('%.0f', number)
end

local function current()
  local kept = redis.call('HMGET', KEYS[1], 'generation', 'failures', 'opened_at')
  return kept[1] or '0', tonumber(kept[2] or '0'), tonumber(kept[3] or '')
end

local function change(state)
  local before = tonumber((current()))
  redis.call('DEL', KEYS[1], KEYS[2], KEYS[3])
  redis.call('HSET', KEYS[1], 'generation', whole(math.max(now, before + 1)), 'failures', '0')
  if state == 'opened' then
    redis.call('HSET', KEYS[1], 'opened_at', whole(now))
  end
  redis.call('PEXPIRE', KEYS[1], REMEMBERED)
  changed = state
end

-- What the window holds, its oldest parts forgotten.
local function in_window()
  local oldest = math.floor(now / bucket) - BUCKETS
  local succeeded, failed = 0, 0
  local kept = redis.call('HGETALL', KEYS[2])
  for at = 1, #kept, 2 do
    local number, kind = string.match(kept[at], '^(%d+):(%a)$')
    if tonumber(number) <= oldest then
      redis.call('HDEL', KEYS[2], kept[at])
    elseif kind == 's' then
      succeeded = succeeded + tonumber(kept[at + 1])
    else
      failed = failed + tonumber(kept[at + 1])
    end
  end
  return succeeded, failed
end

local function count(kind, number)
  redis.call('HINCRBY', KEYS[2], whole(math.floor(now / bucket)) .. ':' .. kind, whole(number))
  redis.call('PEXPIRE', KEYS[2], whole(bucket * (BUCKETS + 1)))
end

local function succeed(number)
  count('s', number)
  redis.call('HSET', KEYS[1], 'failures', '0')
  redis.call('PEXPIRE', KEYS[1], REMEMBERED)
end

local function fail()
  count('f', 1)
  local in_a_row = redis.call('HINCRBY', KEYS[1], 'failures', 1)
  redis.call('PEXPIRE', KEYS[1], REMEMBERED)
  local succeeded, failed = in_window()
  local calls = succeeded + failed
  if in_a_row >= threshold or (calls >= minimum and failed * 100 >= percent * calls) then
    change('opened')
  end
end

local found, _, opened_at = current()
if opened_at == nil and found == generation then
  if successes > 0 then
    succeed(successes)
  end
  if question == 'success' and token == '' then
    succeed(1)
  elseif question == 'failure' and token == '' then
    fail()
  end
end
-- A probe whose turn is over decides nothing.
if token ~= '' and question ~= 'probe' and redis.call('GET', KEYS[3]) == token then
  if question == 'success' then
    change('closed')
  elseif question == 'failure' then
    change('opened')
  else
    redis.call('DEL', KEYS[3])
  end
end

local failures
generation, failures, opened_at = current()
if opened_at == nil then
  return {'closed', generation, failures, 0, changed}
end
local wait = opened_at + open - now
if wait > 0 then
  return {'opened', generation, failures, wait, changed}
end
if question == 'probe' and redis.call('SET', KEYS[3], token, 'NX', 'PX', whole(lease)) then
  return {'half-opened', generation, failures, 0, changed}
end
local turn = redis.call('PTTL', KEYS[3])
if turn > 0 then
  return {'probed', generation, failures, turn, changed}
end
return {'ripe', generation, failures, 0, changed}
