-- Takes the lease of a channel for a run.
--   KEYS  the channel, its lease
--   ARGV  the run's token; for how many milliseconds the lease holds, and is kept after
-- Returns {1, the time, the newest ID}, or {0, the first ID of the run that has it, the
-- newest ID}.
local token, ends, start = read(KEYS[2])
local last, isEnd, err = newest(KEYS[1])
if err then
  return err
end
if token and ends > now() then
  return {0, start, last}
end
if token and start ~= '-' then
  last = bury(KEYS[1], last, isEnd)
end
hold(KEYS[2], ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), '-')
return {1, string.format('%.0f', now()), last}
