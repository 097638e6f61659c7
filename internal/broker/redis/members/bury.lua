-- Forgets a dead gateway that has no members left.
--   KEYS  the gateways, the dead gateway's channels
--   ARGV  the dead gateway
local lease = redis.call('ZSCORE', KEYS[1], ARGV[1])
if lease and tonumber(lease) < now() and redis.call('SCARD', KEYS[2]) == 0 then
  redis.call('ZREM', KEYS[1], ARGV[1])
end
return 1
