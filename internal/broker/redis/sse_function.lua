#!lua name=caddy_sse
-- sse_publish.lua as a Redis Function, for apps that would rather call it by
-- name than carry its text:
--
--   redis-cli -x FUNCTION LOAD REPLACE < sse_function.lua
--   FCALL sse_publish 1 chat:42 1000 0 data hello
--
-- Needs Redis 7.0, and +fcall in place of +evalsha +eval. Arguments, reply,
-- envelope (version 1) and the other rules are as the script's text says, which
-- stands here as it is.
redis.register_function('sse_publish', function(KEYS, ARGV)
-- Adds an entry to a channel's history and says it to all who listen to the
-- channel, in one step: nothing comes between, so what is heard is in order.
--
--   KEYS[1]    The channel. Its history is the Redis stream of the same name.
--   ARGV[1]    About how many entries the history keeps: Redis drops the oldest
--              in whole nodes. 0: all.
--   ARGV[2]    Milliseconds from now until the whole history expires. 0: what an
--              earlier entry said holds on; without one it lives for ever.
--   ARGV[3..]  The entry's names and values in turn, 2 to 1000 texts together.
--              A gateway knows data, event and retry (in milliseconds).
--
-- Returns {id, receivers}: the entry's ID, and how many clients heard it. After
-- an error nothing was added, unless it is PEXPIRE or PUBLISH that was denied.
--
-- Says version 1 of the envelope, with lengths in bytes, and 0-0 as the ID of
-- the entry before if there is none:
--
--   NUL "sse1 " id " " previous-id { " " length } LF { name or value }
--
-- Needs Redis 6.0, and of its ACL rules the key (~), the channel (&), and
-- +evalsha +eval +xrevrange +xadd +pexpire +publish.

local function isNumber(text)
  -- Up to 15 digits Lua's numbers are exact, and Redis' clock does not overflow.
  return text == '0' or text and #text <= 15 and string.find(text, '^[1-9]%d*$')
end

local function isError(reply)
  return type(reply) == 'table' and reply.err
end

if #KEYS ~= 1 then
  return redis.error_reply('ERR sse_publish takes one key: the channel')
end
if not isNumber(ARGV[1]) then
  return redis.error_reply('ERR sse_publish: the first argument is how many entries to keep, a whole number, or 0 for all')
end
if not isNumber(ARGV[2]) then
  return redis.error_reply('ERR sse_publish: the second argument is how many milliseconds to keep them, a whole number, or 0')
end
if #ARGV < 4 or #ARGV % 2 ~= 0 then
  return redis.error_reply('ERR sse_publish: from the third on, the arguments are names and values in turn, such as: data hello')
end
if #ARGV > 1002 then -- unpack takes some thousands
  return redis.error_reply('ERR sse_publish: an entry has at most 1000 names and values')
end

local last = redis.pcall('XREVRANGE', KEYS[1], '+', '-', 'COUNT', '1')
if isError(last) then
  return last
end
local previous = last[1] and last[1][1] or '0-0'

local xadd = {'XADD', KEYS[1]}
if ARGV[1] ~= '0' then
  xadd = {'XADD', KEYS[1], 'MAXLEN', '~', ARGV[1]}
end
xadd[#xadd + 1] = '*'
local lengths = {}
for i = 3, #ARGV do
  xadd[#xadd + 1] = ARGV[i]
  lengths[#lengths + 1] = #ARGV[i]
end
local id = redis.pcall(unpack(xadd))
if isError(id) then
  return id
end

if ARGV[2] ~= '0' then
  local expires = redis.pcall('PEXPIRE', KEYS[1], ARGV[2])
  if isError(expires) then
    return expires
  end
end

local head = '\0sse1 ' .. id .. ' ' .. previous .. ' ' .. table.concat(lengths, ' ')
local receivers = redis.pcall('PUBLISH', KEYS[1], head .. '\n' .. table.concat(ARGV, '', 3))
if isError(receivers) then
  return receivers
end
return {id, receivers}
end)
