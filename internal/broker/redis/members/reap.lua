-- Takes those out of a channel who came by a dead gateway.
--   KEYS  the channel's members, the gateways, the dead gateway's channels
--   ARGV  the dead gateway, the channel, what is said before a member's ID
local lease = redis.call('ZSCORE', KEYS[2], ARGV[1])
if lease and tonumber(lease) >= now() then
  return 0 -- it was only away
end
local prefix = gatewayPrefix(ARGV[1])
local elsewhere = others(KEYS[2], ARGV[1])
for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
  if string.sub(field, 1, #prefix) == prefix then
    local member = string.sub(field, #prefix + 1)
    redis.call('HDEL', KEYS[1], field)
    if not isBy(KEYS[1], elsewhere, member) then
      redis.call('PUBLISH', ARGV[2], ARGV[3] .. cjson.encode(member) .. '}')
    end
  end
end
redis.call('SREM', KEYS[3], ARGV[2])
return 1
