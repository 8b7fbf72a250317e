-- What an owner was told after a place in the feed, oldest first: events only. ARGV: owner, the place (an entry's id; '': the
-- end), how many events at the most, how many entries to look at, a job ('': any).
-- Returns {the place it has looked up to, 1 if there may be more, {id, job, words, ...}, the time of the first entry in ms if
-- some that came between it and the place may be gone, else 0}.
local owner, place, most, looked, only = unpack(ARGV)
local feed = 'feed:' .. owner

local function newest()
  local last = redis.call('XREVRANGE', feed, '+', '-', 'COUNT', 1)[1]
  return last and last[1] or '0-0'
end

-- The feed is cut at its far end, and expires as a whole when nothing has been told for long.
local function lacks(first)
  if #redis.call('XRANGE', feed, '-', place, 'COUNT', 1) == 1 then return 0 end
  local flat, its = redis.call('XINFO', 'STREAM', feed), {}
  for i = 1, #flat, 2 do its[flat[i]] = flat[i + 1] end
  local at = tonumber(string.match(place, '^%d+'))
  local expired = at > 0 and now_ms() - at > FEED_S * 1000
  return (expired or its['entries-added'] > its.length) and tonumber(string.match(first, '^%d+')) or 0
end

local entries = place == '' and {} or redis.call('XRANGE', feed, '(' .. place, '+', 'COUNT', looked)
if #entries == 0 then return {newest(), 0, {}, 0} end

local found, last = {}, nil
for _, entry in ipairs(entries) do
  local job, what = entry[2][2], entry[2][4]
  last = entry[1]
  if EVENTS[string.match(what, '^%a+')] and (only == '' or job == only) then
    for _, text in ipairs({last, job, what}) do found[#found + 1] = text end
    if #found == 3 * most then break end
  end
end
local whole = #entries < tonumber(looked) and last == entries[#entries][1]
return {last, whole and 0 or 1, found, lacks(entries[1][1])}
