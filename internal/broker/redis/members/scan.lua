-- Looks at some of a channel's members. Returns the next cursor, and for each member
-- its field and since when it is there, without its info.
--   KEYS  the channel's members
--   ARGV  the cursor, about how many
local found = redis.call('HSCAN', KEYS[1], ARGV[1], 'COUNT', ARGV[2])
local reply = {found[1]}
for i = 1, #found[2], 2 do
  reply[#reply + 1] = found[2][i]
  reply[#reply + 1] = string.match(found[2][i + 1], '^%d*')
end
return reply
