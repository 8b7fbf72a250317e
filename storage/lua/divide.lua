-- A held job is divided into parts, each a job of its own, and goes to sleep until they have ended; once, however often this
-- is called. ARGV: id, token, ms after which it looks again by itself, then for each part: id, lane, priority, owner, how many
-- words its fields take, field, value, ... No parts: sleep again.
-- Returns 1: it sleeps; 2: there is nothing to wait for; 0: it is no longer the caller's.
local id, token, delay = unpack(ARGV, 1, 3)
local job, parts, now = 'job:' .. id, 'parts:' .. id, now_ms()
local held, status, lane, priority, owner = unpack(redis.call('HMGET', job, 'token', 'status', 'lane', 'priority', 'owner'))
if held ~= token or ENDED[status] then return 0 end

if #ARGV > 3 and redis.call('EXISTS', parts) == 0 then
  local at, of = 4, 0
  while at <= #ARGV do
    local part, its_lane, its_priority, its_owner, words = unpack(ARGV, at, at + 4)
    accept(part, its_owner, its_lane, its_priority, '0', '0', {unpack(ARGV, at + 5, at + 4 + words)})
    redis.call('HSET', parts, part, '')
    at, of = at + 5 + words, of + 1
  end
  redis.call('HSET', parts, 'of', of)
end

local open = false
for _, ended in ipairs(redis.call('HVALS', parts)) do
  if ended == '' then open = true
  elseif ended == 'failed' or ended == 'expired' or ended == 'canceled' then return 2 end
end
if not open then return 2 end
redis.call('HINCRBY', job, 'token', 1)                  -- a second letting go is refused
redis.call('HINCRBY', job, 'attempt', -1)
redis.call('HSET', job, 'not_before', now + delay)
redis.call('ZADD', 'asleep:' .. lane, now + delay, id)
release(id, lane, priority, owner)
ring_bell(lane)
return 1
