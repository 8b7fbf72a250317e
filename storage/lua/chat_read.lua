--! no-writes
-- ARGV: id, owner, after which event, about how many bytes of them.
-- Returns {} if that owner has no such stream, else {1 if no more will come after these, 1 if it was cut off, 1 if the job that
-- makes it has ended, {number of the last event in a bundle, the bundle, ...}}. A bundle may begin with events that are not asked
-- for, or that are in the one before it.
local id, owner, last, most = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local whose, over, cut, count = unpack(redis.call('HMGET', 'chat:' .. id, 'owner', 'over', 'cut', 'count'))
if whose ~= owner then return {} end
local bundles, size, some = {}, 0, nil
repeat
  some = redis.call('XRANGE', 'said:' .. id, '(' .. last .. '-0', '+', 'COUNT', 16)
  for _, entry in ipairs(some) do
    if size >= most then break end
    local bytes, events = unpack(entry[2])
    last, size = string.match(entry[1], '^%d+'), size + bytes
    bundles[#bundles + 1], bundles[#bundles + 2] = last, events
  end
until #some < 16 or size >= most
local ended = ENDED[redis.call('HGET', 'job:' .. id, 'status')]
return {over and tonumber(last) >= tonumber(count) and 1 or 0, cut and 1 or 0, ended and 1 or 0, bundles}
