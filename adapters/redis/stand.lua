-- Joining, showing a place, and following the changes.
-- ARGV: epoch, the epoch's first place, cursor ('' = none), then per person: user, shown place or '', '1' to number anew.
local first_place, cursor = tonumber(ARGV[2]), tonumber(ARGV[3])
local users = {}
for i = 4, #ARGV, 3 do
  users[#users + 1] = ARGV[i]
end

local spots, places, put, standing = {}, {}, {}, {}
if #users > 0 then
  local granting = redis.call('ZMSCORE', GRANTING, unpack(users))
  local active = redis.call('ZMSCORE', ACTIVE, unpack(users))
  local waiting = redis.call('ZMSCORE', WAITING, unpack(users))
  local spent = redis.call('ZMSCORE', SPENT, unpack(users))
  local numbered = tonumber(redis.call('HGET', COUNTERS, 'order') or 0)
  local last = numbered
  for i, user in ipairs(users) do
    local shown, anew = tonumber(ARGV[1 + i * 3 + 1]), ARGV[1 + i * 3 + 2] == '1'
    local place = standing[user] or (waiting[i] and tonumber(waiting[i]))
    local gone = tonumber(spent[i] or 0)
    if granting[i] then
      spots[i], places[i] = 'G', tonumber(granting[i])
    elseif active[i] then
      spots[i], places[i] = 'A', 0
    else
      if shown and shown > gone and (not place or shown < place) then
        if place then
          tell('-', user, place)
        end
        tell('+', user, shown)
        place = shown
        put[#put + 1] = digits(place)
        put[#put + 1] = user
      elseif not place and anew then
        last = last + 1
        place = first_place + last
        put[#put + 1] = digits(place)
        put[#put + 1] = user
      end
      if place then
        standing[user] = place
        spots[i], places[i] = 'W', place
      else
        spots[i], places[i] = shown and shown <= gone and 'S' or 'N', 0
      end
    end
  end
  if last > numbered then
    redis.call('HINCRBY', COUNTERS, 'order', last - numbered)
  end
  if #put > 0 then
    redis.call('ZADD', WAITING, unpack(put))
  end
end
publish()

local sightings = {}
for i, user in ipairs(users) do
  sightings[#sightings + 1] = spots[i]
  sightings[#sightings + 1] = spots[i] == 'W' and standing[user] or places[i]
  sightings[#sightings + 1] = spots[i] == 'W' and redis.call('ZRANK', WAITING, user) or 0
end

local line = state()
local reaches_back, changes = 1, {}
if cursor then
  local missed = line[1] - cursor
  if missed < 0 or missed > redis.call('LLEN', LOG) then
    reaches_back = 0
  elseif missed > 0 then
    changes = redis.call('LRANGE', LOG, -missed, -1)
  end
end
return {1, line, sightings, reaches_back, changes}
