-- What the scripts of runs share. A lease is a text: whose token it is, when it ends in
-- milliseconds by Redis' clock, and the ID of the run's first entry, or -. It stays for a
-- while after that, so that others see that somebody had it. A token that begins with !
-- is that of a run which somebody has stopped.
local function now()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end

local function read(key)
  local text = redis.call('GET', key)
  if not text then
    return nil
  end
  local token, ends, start = string.match(text, '^(%S+) (%d+) (%S+)$')
  return token, tonumber(ends), start
end

local function hold(key, token, lease, keep, start)
  redis.call('SET', key, token .. ' ' .. string.format('%.0f', now() + lease) .. ' ' .. start, 'PX', lease + keep)
end

-- The newest entry's ID, 0-0 if there is none, and whether it is the end of a run; or an
-- error.
local function newest(stream)
  local got = redis.pcall('XREVRANGE', stream, '+', '-', 'COUNT', '1')
  if got.err then
    return nil, false, got
  end
  if not got[1] then
    return '0-0', false
  end
  local isEnd, fields = false, got[1][2]
  for i = 1, #fields, 2 do
    if fields[i] == 'event' then
      isEnd = fields[i + 1] == 'sse.end'
    end
  end
  return got[1][1], isEnd
end

-- Ends a run whose holder is gone, unless it has an end. Returns the newest ID.
local function bury(stream, last, isEnd)
  if last == '0-0' or isEnd then
    return last
  end
  local id = redis.call('XADD', stream, '*', 'event', 'sse.end', 'reason', 'lost')
  redis.call('PUBLISH', stream, '\0sse1 ' .. id .. ' ' .. last .. ' 5 7 6 4\neventsse.endreasonlost')
  return id
end
