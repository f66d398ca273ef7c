-- Moves the end of a lease that is still held under this fence.
-- KEYS: the lease. ARGV: NOW, fence, hold in us, KEEP in ms.
-- Answers until_us, or nil if it is over or was lost.
local held = redis.call('HMGET', KEYS[1], 'fence', 'until_us')
if held[1] ~= ARGV[2] or tonumber(held[2]) <= now then
  return nil
end
local until_us = now + tonumber(ARGV[3])
redis.call('HSET', KEYS[1], 'until_us', string.format('%.0f', until_us))
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', math.ceil(ARGV[3] / 1000) + ARGV[4]))
return until_us
