-- GCRA (ITU-T I.371). Kept is by how much the theoretical arrival time was ahead of which moment: nanoseconds since 1970
-- do not fit a Lua number, differences do.
-- KEYS: the key. ARGV: NOW, interval in ns, tolerance in ns, calls that were let through unasked, KEEP in ms.
-- Answers {wait_ns, ahead_ns}: allowed where wait_ns is 0.
local interval, tolerance, unasked = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local ahead = 0
local kept = redis.call('GET', KEYS[1])
if kept then
  local at, by = string.match(kept, '^(%d+) (%d+)$')
  ahead = math.max(0, tonumber(by) - (now - tonumber(at)) * 1000)
end
ahead = ahead + unasked * interval
local wait = math.max(0, ahead + interval - tolerance)
if wait == 0 then
  ahead = ahead + interval
end
if wait == 0 or unasked > 0 then
  redis.call('SET', KEYS[1], string.format('%.0f %.0f', now, ahead),
    'PX', string.format('%.0f', math.ceil(ahead / 1000000) + 1 + ARGV[5]))
end
return {wait, ahead}
