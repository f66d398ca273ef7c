-- Goes before every script that says NOW: its first argument is the time in microseconds since 1970, or '' for the
-- server's own.
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000000 + time[2]
end
