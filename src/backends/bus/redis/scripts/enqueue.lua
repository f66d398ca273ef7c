-- Puts a job in its queue, once. A place is PRIORITY:SEQUENCE:ID, both numbers in hex of a fixed width, the priority turned
-- around: members of equal score are ordered by bytes, and that is the order in which jobs are given out.
-- KEYS: sequence, places, waiting. ARGV: id, priority in hex.
-- Answers 1, or 0 if it is there already.
if redis.call('HEXISTS', KEYS[2], ARGV[1]) == 1 then
  return 0
end
local sequence = redis.call('INCR', KEYS[1])
local place = ARGV[2] .. ':' .. string.format('%014x', sequence) .. ':' .. ARGV[1]
redis.call('HSET', KEYS[2], ARGV[1], place)
redis.call('ZADD', KEYS[3], 0, place)
return 1
