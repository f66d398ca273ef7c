-- Moves the end of a worker's lease of a job.
-- KEYS: fences, held. ARGV: NOW, id, fence, hold in us.
-- Answers 1, or 0 if the job is no longer this worker's.
if redis.call('HGET', KEYS[1], ARGV[2]) ~= ARGV[3] then
  return 0
end
redis.call('ZADD', KEYS[2], string.format('%.0f', now + tonumber(ARGV[4])), ARGV[2])
return 1
