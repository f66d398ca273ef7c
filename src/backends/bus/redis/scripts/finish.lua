-- Forgets a job.
-- KEYS: places, held, attempts, fences. ARGV: id, fence.
-- Answers 1, or 0 and nothing done if the job is no longer this worker's.
if redis.call('HGET', KEYS[4], ARGV[1]) ~= ARGV[2] then
  return 0
end
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[3], ARGV[1])
redis.call('HDEL', KEYS[4], ARGV[1])
return 1
