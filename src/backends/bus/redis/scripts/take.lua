-- Puts back what workers have let go by silence, then gives out the first that waits.
-- KEYS: places, waiting, held, attempts, fences, last fence. ARGV: NOW, hold in us.
-- Answers {id, fence, attempt}, or nil if none waits.
local over = redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', string.format('%.0f', now), 'LIMIT', 0, 100)
for _, id in ipairs(over) do
  redis.call('ZREM', KEYS[3], id)
  redis.call('HDEL', KEYS[5], id)
  local place = redis.call('HGET', KEYS[1], id)
  if place then
    redis.call('ZADD', KEYS[2], 0, place)
  end
end
local first = redis.call('ZPOPMIN', KEYS[2])
if not first[1] then
  return nil
end
local id = string.match(first[1], '^%x+:%x+:(.*)$')
local fence = math.max(now, (tonumber(redis.call('GET', KEYS[6])) or 0) + 1)
local fence_text = string.format('%.0f', fence)
redis.call('SET', KEYS[6], fence_text)
redis.call('HSET', KEYS[5], id, fence_text)
redis.call('ZADD', KEYS[3], string.format('%.0f', now + tonumber(ARGV[2])), id)
return {id, fence, redis.call('HINCRBY', KEYS[4], id, 1)}
