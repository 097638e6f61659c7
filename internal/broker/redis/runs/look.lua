-- Ends a run whose holder's lease has ended.
--   KEYS  the channel, its lease
-- Returns for how many milliseconds the lease holds; 0: nobody has it.
local token, ends, start = read(KEYS[2])
if not token then
  return 0
end
local left = ends - now()
if left > 0 then
  return left
end
if start ~= '-' then
  local last, isEnd, err = newest(KEYS[1])
  if err then
    return err
  end
  bury(KEYS[1], last, isEnd)
end
redis.call('DEL', KEYS[2])
return 0
