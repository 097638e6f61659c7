-- Adds an entry to the history KEYS[1], and says it to the channel of the same
-- name. ARGV: how many entries to keep, for how many milliseconds (0: for ever),
-- and the entry's names and values.
local fields = {unpack(ARGV, 3)}
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)
local previous = last[1] and last[1][1] or '0-0'
local id = redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*', unpack(fields))
if ARGV[2] ~= '0' then
	redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
local head = {'\0sse1', id, previous}
for i, text in ipairs(fields) do
	head[i + 3] = #text
end
redis.call('PUBLISH', KEYS[1], table.concat(head, ' ') .. '\n' .. table.concat(fields))
return id
