-- A job that is under way already, and held by whoever says so; nobody else will ever work on it. ARGV: id, owner, lane, lease_ms,
-- then field, value, ... Returns 1, also when called again.
local id, owner, lane, lease = unpack(ARGV, 1, 4)
local job, now = 'job:' .. id, now_ms()
if redis.call('EXISTS', job) == 1 then return 1 end
redis.call('HSET', job, 'status', 'running', 'created', now, 'started', now, 'token', 1, 'attempt', 1, unpack(ARGV, 5))
redis.call('ZADD', 'jobs:' .. owner, now, id)
redis.call('ZADD', 'asleep:' .. lane, now + lease, id)
for _, word in ipairs({'queued', 'started'}) do tell(id, {lane = lane, owner = owner}, word) end
return 1
