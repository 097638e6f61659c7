-- Members are in a channel by a gateway no more.
--   KEYS  the channel's members, the gateways, the gateway's channels
--   ARGV  the gateway, the channel, what is said before a member's ID, whether
--         nobody is left (1); and the members
local elsewhere = others(KEYS[2], ARGV[1])
for i = 5, #ARGV do
  local wasThere = redis.call('HDEL', KEYS[1], gatewayPrefix(ARGV[1]) .. ARGV[i]) == 1
  if wasThere and not isBy(KEYS[1], elsewhere, ARGV[i]) then
    redis.call('PUBLISH', ARGV[2], ARGV[3] .. cjson.encode(ARGV[i]) .. '}')
  end
end
if ARGV[4] == '1' then
  redis.call('SREM', KEYS[3], ARGV[2])
end
return 1
