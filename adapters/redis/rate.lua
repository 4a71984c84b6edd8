-- Turns at a provider, for all who ask at this moment: the virtual scheduling form of the leaky bucket (GCRA), with one number as its state.
-- KEYS: next (when the bucket will be empty), pause (until when nobody calls); microseconds of the server's clock.
-- ARGV: turn, interval, burst, patience, callers -> for each: granted (1 or 0), wait     |     pause, how long -> 1
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000000 + tonumber(clock[2])
local paused_until = tonumber(redis.call('GET', KEYS[2]) or '0')

local function keep(key, value)
  redis.call('SET', key, string.format('%.0f', value), 'PX', string.format('%.0f', math.ceil((value - now) / 1000) + 1))
end

if ARGV[1] == 'pause' then
  local wanted = now + tonumber(ARGV[2])
  if wanted > paused_until then
    keep(KEYS[2], wanted)
  end
  return 1
end

local interval, burst, patience = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local open = math.max(now, paused_until)
local empty = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), open)
local answers, granted = {}, false
for caller = 1, tonumber(ARGV[5]) do
  local wait = math.max(empty - interval * (burst - 1), open) - now
  if wait > patience then
    answers[caller] = {0, wait}
  else
    answers[caller] = {1, wait}
    empty, granted = empty + interval, true
  end
end
if granted then
  keep(KEYS[1], empty)
end
return answers
