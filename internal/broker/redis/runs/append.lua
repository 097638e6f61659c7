-- Adds entries to a run, all or none, and says so in the same step.
--   KEYS  the channel, its lease
--   ARGV  1 the run's token; 2, 3 for how many milliseconds the lease holds, and is kept;
--         4 the run's first ID, or -; 5 the ID that was added last; 6 about how many entries
--         to keep, or 0; 7 after how many milliseconds the history expires, or 0;
--         8 renew, release or nothing; 9 what to publish; 10 the newest of the new IDs, or
--         nothing; 11 how many fields the entry has that stands for what is lost, and these;
--         then of each entry its ID, how many fields it has, and these
-- Returns ok, fenced, stopped, or behind and the newest ID.
local held = read(KEYS[2])
local what, isLost = ARGV[8], false
if held == '!' .. ARGV[1] then
  if what ~= 'release' then
    return {'stopped'}
  end
elseif held and held ~= ARGV[1] then
  return {'fenced'}
elseif not held then
  local last, _, err = newest(KEYS[1])
  if err then
    return err
  end
  if last ~= ARGV[5] and last ~= '0-0' and last ~= ARGV[10] then
    return {'fenced'}
  end
  isLost = last == '0-0'
  if what == '' then
    what = 'renew'
  end
end

local at = 12 + ARGV[11]
if isLost and ARGV[5] ~= '0-0' and ARGV[11] ~= '0' then
  redis.call('XADD', KEYS[1], ARGV[5], unpack(ARGV, 12, at - 1))
end
local isThere = false
while at <= #ARGV and not isThere do
  local xadd, n = {'XADD', KEYS[1]}, tonumber(ARGV[at + 1])
  if ARGV[6] ~= '0' then
    xadd = {'XADD', KEYS[1], 'MAXLEN', '~', ARGV[6]}
  end
  xadd[#xadd + 1] = ARGV[at]
  for i = at + 2, at + 1 + n do
    xadd[#xadd + 1] = ARGV[i]
  end
  local added = redis.pcall(unpack(xadd))
  if added.err then
    if not string.find(added.err, 'equal or smaller', 1, true) then
      return added
    end
    local last = newest(KEYS[1])
    if last ~= ARGV[10] then
      return {'behind', last}
    end
    isThere = true -- what was added before, of which the answer was lost
  end
  at = at + 2 + n
end

if what == 'release' then
  redis.call('DEL', KEYS[2])
elseif what == 'renew' then
  hold(KEYS[2], ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4])
end
if what ~= '' and ARGV[7] ~= '0' then
  redis.call('PEXPIRE', KEYS[1], ARGV[7])
end
if ARGV[9] ~= '' and not isThere then
  redis.call('PUBLISH', KEYS[1], ARGV[9])
end
return {'ok'}
