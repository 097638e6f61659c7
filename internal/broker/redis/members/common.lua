local gatewayPrefix = function(gateway) return gateway .. ':' end

-- The time in milliseconds, by Redis' clock, which all gateways share.
local function now()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end

-- The gateways that have a lease, but for one.
local function others(gateways, gateway)
  local found = {}
  for _, g in ipairs(redis.call('ZRANGEBYSCORE', gateways, string.format('%.0f', now()), '+inf')) do
    if g ~= gateway then
      found[#found + 1] = g
    end
  end
  return found
end

-- Whether the member is in the channel by one of the gateways.
local function isBy(channel, gateways, member)
  for _, g in ipairs(gateways) do
    if redis.call('HEXISTS', channel, gatewayPrefix(g) .. member) == 1 then
      return true
    end
  end
  return false
end

