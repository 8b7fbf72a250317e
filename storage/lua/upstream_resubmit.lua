-- An operator says that a job in doubt was not taken: it is sent again. ARGV: id, the rest of its way as JSON.
-- Returns 1, or 0 if it is not in doubt.
local id, way = unpack(ARGV)
local job = 'job:' .. id
local status, _, its = life(id)
if status ~= 'in_doubt' then return 0 end
redis.call('ZREM', 'asleep:' .. its.lane, id)
leave_account(id, its.account or '')
redis.call('HSET', job, 'status', 'queued', 'upstream', way)
redis.call('HINCRBY', job, 'token', 1)
redis.call('HDEL', job, 'not_before', 'stage', 'error', 'account')
make_ready(id, its.lane, its.priority, its.owner, its.created)
tell(id, its, 'waiting again')
return 1
