-- Stops a run: its holder learns it with what it adds next.
--   KEYS  the channel, its lease
--   ARGV  the run's token; * is any
-- Returns the token, or nothing.
local token, ends, start = read(KEYS[2])
if not token or ends <= now() then
  return ''
end
local bare = string.gsub(token, '^!', '')
if ARGV[1] ~= '*' and ARGV[1] ~= bare then
  return ''
end
if token == bare then
  redis.call('SET', KEYS[2], '!' .. bare .. ' ' .. string.format('%.0f', ends) .. ' ' .. start, 'PX', redis.call('PTTL', KEYS[2]))
end
return bare
