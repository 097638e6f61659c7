-- Goes back so many entries in a Redis stream, without sending them. Returns where
-- it has come to, how many are left to go, and whether there are none (1 or 0). It
-- stops after some work, and is called again: Redis serves others meanwhile.
--   KEYS  the Redis stream
--   ARGV  where to begin, as XREVRANGE has it; how many
local at, left, work = ARGV[1], tonumber(ARGV[2]), 0
while left > 0 and work < 4194304 do
  local got = redis.call('XREVRANGE', KEYS[1], at, '-', 'COUNT', math.min(left, 16))
  if #got == 0 then
    return {at, left, 1}
  end
  for _, entry in ipairs(got) do
    at, left, work = '(' .. entry[1], left - 1, work + 256
    for _, field in ipairs(entry[2]) do
      work = work + #field
    end
  end
end
return {at, left, 0}
