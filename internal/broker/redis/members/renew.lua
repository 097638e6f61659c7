-- A gateway lives on. Returns whether it has had a lease until now (1 or 0), and
-- up to 10 gateways that have none any more.
--   KEYS  the gateways
--   ARGV  the gateway, for how many milliseconds
local t = now()
local before = redis.call('ZSCORE', KEYS[1], ARGV[1])
redis.call('ZADD', KEYS[1], string.format('%.0f', t + ARGV[2]), ARGV[1])
local reply = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', string.format('(%.0f', t), 'LIMIT', 0, 10)
table.insert(reply, 1, before and tonumber(before) >= t and 1 or 0)
return reply
