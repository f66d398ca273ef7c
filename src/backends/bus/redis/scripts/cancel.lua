-- Takes a job out of its queue, or from under its worker.
-- KEYS: places, waiting, held, attempts, fences. ARGV: id.
local place = redis.call('HGET', KEYS[1], ARGV[1])
if place then
  redis.call('ZREM', KEYS[2], place)
  redis.call('ZREM', KEYS[3], ARGV[1])
  redis.call('HDEL', KEYS[1], ARGV[1])
  redis.call('HDEL', KEYS[4], ARGV[1])
  redis.call('HDEL', KEYS[5], ARGV[1])
end
