-- An operator says that a job is to be sent again, one in doubt say. ARGV: id, the rest of its way as JSON, the state that it has
-- to be in. Returns 1, or 0 if it is in another.
local id, way, whence = unpack(ARGV)
local job = 'job:' .. id
local status, _, its = life(id)
if status ~= whence then return 0 end
redis.call('ZREM', 'asleep:' .. its.lane, id)
leave_account(id, its.account or '')
redis.call('HSET', job, 'status', 'queued', 'upstream', way)
redis.call('HINCRBY', job, 'token', 1)
redis.call('HDEL', job, 'not_before', 'stage', 'error', 'account', 'waits_for', 'outputs')
make_ready(id, its.lane, its.priority, its.owner, its.created)
tell(id, its, 'waiting again')
return 1
