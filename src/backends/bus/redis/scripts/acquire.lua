-- A lease is a hash {owner, fence, until_us}. It outlives its end by KEEP, so that the next fence is greater even
-- where the clock has stepped back.
-- KEYS: the lease. ARGV: NOW, owner, hold in us, KEEP in ms.
-- Answers {fence, until_us}, or nil while somebody holds it.
local held = redis.call('HMGET', KEYS[1], 'fence', 'until_us')
if held[2] and tonumber(held[2]) > now then
  return nil
end
local fence = math.max(now, (tonumber(held[1]) or 0) + 1)
local until_us = now + tonumber(ARGV[3])
-- Lua would write numbers of this size with an exponent.
redis.call('HSET', KEYS[1], 'owner', ARGV[2],
  'fence', string.format('%.0f', fence), 'until_us', string.format('%.0f', until_us))
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', math.ceil(ARGV[3] / 1000) + ARGV[4]))
return {fence, until_us}
