--! no-writes
-- ARGV: id, owner, after which event, about how many bytes of them.
-- Returns {} if that owner has no such stream, else {1 if no more will come after these, 1 if it was cut off, 1 if the job that
-- makes it has ended, {event, ...}}.
local id, owner, after, most = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local whose, over, cut = unpack(redis.call('HMGET', 'chat:' .. id, 'owner', 'over', 'cut'))
if whose ~= owner then return {} end
local events, size, some = {}, 0, nil
repeat
  some = redis.call('LRANGE', 'said:' .. id, after, after + 63)
  for _, event in ipairs(some) do
    if size >= most then break end
    events[#events + 1] = event
    size = size + #event
  end
  after = after + #some
until #some < 64 or size >= most
local all = after >= redis.call('LLEN', 'said:' .. id) and #some < 64 and size < most
local ended = ENDED[redis.call('HGET', 'job:' .. id, 'status')]
return {over and all and 1 or 0, cut and 1 or 0, ended and 1 or 0, events}
