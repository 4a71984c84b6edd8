-- ARGV: epoch, user, place. What was reached after that place was taken stays theirs.
local user, place = ARGV[2], tonumber(ARGV[3])
local waits_at, taken_at = score(WAITING, user), score(GRANTING, user)
local spent = score(SPENT, user) or 0
if waits_at and waits_at <= place then
  redis.call('ZREM', WAITING, user)
  tell('-', user, waits_at)
end
if (taken_at or spent) <= place then
  redis.call('ZREM', GRANTING, user)
  redis.call('ZREM', ACTIVE, user)
end
if place > spent then
  redis.call('ZADD', SPENT, digits(place), user)
end
tell('L', user, place)
publish()
return {1, state()}
