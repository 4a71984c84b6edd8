-- Loading a new epoch. It does not begin with the others' look at the epoch: that is what it is here to set.
-- ARGV: step, owner, ms for which the work is the owner's alone, then what the step needs.
local EPOCH, WAITING, ACTIVE, GRANTING, SPENT, LOG, COUNTERS, ADMITTED, CHECKS, LOADING = unpack(KEYS)
local step, owner, lease = ARGV[1], ARGV[2], ARGV[3]
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)

if step == 'begin' then
  if redis.call('GET', EPOCH) == ARGV[4] then
    return 0
  end
  if not redis.call('SET', LOADING, owner, 'NX', 'PX', lease) then
    return 2
  end
  local taken = redis.call('ZRANGE', GRANTING, 0, -1, 'WITHSCORES')
  for i = 1, #taken, 2 do
    redis.call('ZADD', WAITING, 'LT', string.format('%.0f', tonumber(taken[i + 1])), taken[i])
  end
  redis.call('DEL', EPOCH, ACTIVE, GRANTING, SPENT, LOG, COUNTERS, ADMITTED, CHECKS)
  return 1
end

if redis.call('GET', LOADING) ~= owner then
  return 0
end
redis.call('PEXPIRE', LOADING, lease)
if step == 'load' then
  for i = 4, #ARGV, 3 do
    local user, spent, remaining = ARGV[i], ARGV[i + 1], tonumber(ARGV[i + 2])
    redis.call('ZADD', SPENT, spent, user)
    if remaining then
      redis.call('ZADD', ACTIVE, string.format('%.0f', now + remaining), user)
    end
    local waits_at = redis.call('ZSCORE', WAITING, user)
    if waits_at and (remaining or tonumber(waits_at) <= tonumber(spent)) then
      redis.call('ZREM', WAITING, user)
    end
  end
else
  redis.call('SET', EPOCH, ARGV[4])
  redis.call('HSET', COUNTERS, 'opens_at', string.format('%.0f', now + tonumber(ARGV[5])))
  redis.call('DEL', LOADING)
end
return 1
