-- Members are in a channel by a gateway.
--   KEYS  the channel's members, the gateways, the gateway's channels
--   ARGV  the gateway, the channel; and for each member: the ID, what is kept,
--         and what is said if it comes
local elsewhere = others(KEYS[2], ARGV[1])
redis.call('SADD', KEYS[3], ARGV[2])
for i = 3, #ARGV, 3 do
  local isNew = redis.call('HSET', KEYS[1], gatewayPrefix(ARGV[1]) .. ARGV[i], ARGV[i + 1]) == 1
  if isNew and not isBy(KEYS[1], elsewhere, ARGV[i]) then
    redis.call('PUBLISH', ARGV[2], ARGV[i + 2])
  end
end
return 1
