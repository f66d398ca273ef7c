-- Ends a lease that is held under this fence. The fence stays, for the next to be greater.
-- KEYS: the lease. ARGV: fence.
if redis.call('HGET', KEYS[1], 'fence') == ARGV[1] then
  redis.call('HSET', KEYS[1], 'until_us', '0')
end
