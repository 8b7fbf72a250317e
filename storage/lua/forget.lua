--! allow-oom
-- Delete a job: out of every set and its owner's feed, its record gone, its media listed to be erased.
-- ARGV: id, owner, ms after which the media are erased once more (a worker may be storing some right now).
-- Returns 1, or 0 if there is no such job of that owner.
local id, owner, again = unpack(ARGV)
local job = 'job:' .. id
local whose, lane, priority, hook, inputs, account = unpack(
  redis.call('HMGET', job, 'owner', 'lane', 'priority', 'webhook', 'inputs', 'account'))
if whose ~= owner then return 0 end
redis.call('ZREM', 'wait:' .. lane .. ':' .. priority .. ':' .. owner, id)
redis.call('ZREM', 'asleep:' .. lane, id)
redis.call('ZREM', 'due', id)
redis.call('ZREM', 'jobs:' .. owner, id)
redis.call('ZADD', 'erase', now_ms() + again, id)
if inputs then redis.call('ZADD', 'erase', now_ms(), 'inputs/' .. id .. '/') end
release(id, lane, priority, owner)
end_parts(id, now_ms())
if account then leave_account(id, account) end
tell(id, {lane = lane, owner = owner, webhook = hook}, 'deleted')
redis.call('DEL', job, 'sound:' .. id, 'chat:' .. id, 'said:' .. id)
redis.call('PUBLISH', 'canceled:' .. lane, id)
return 1
