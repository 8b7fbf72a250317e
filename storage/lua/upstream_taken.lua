-- An upstream has taken a held job: it is let go, and asked after from now on. ARGV: id, token, account, ms until it is first
-- asked after, slot lease_ms, units that it costs (-1: nothing is known to cost anything), then field, value, ...
-- Returns 1, also when called again; 0 if it is no longer the caller's.
local id, token, account, after, lease, units = unpack(ARGV, 1, 6)
local job, now = 'job:' .. id, now_ms()
local status, held, its = life(id)
if held ~= token then return 0 end
if status == 'waiting' then return 1 end
if status ~= 'submitting' and status ~= 'in_doubt' then return 0 end
redis.call('HSET', job, 'status', 'waiting', unpack(ARGV, 7))
if tonumber(units) >= 0 then charge(account, its.owner, units, now) end
if heeds_cancel(id, its, now) then return 1 end
redis.call('HDEL', job, 'stage', 'not_before', 'error')
redis.call('HSET', job, 'attempt', 0)                   -- what is tried from now on is another thing
redis.call('ZREM', 'asleep:' .. its.lane, id)
redis.call('ZREM', 'doubts', id)
redis.call('ZADD', 'polls:' .. account, now + after, id)
redis.call('SADD', 'waited_at', account)
redis.call('ZADD', 'slots:' .. account, 'XX', now + lease, id)
redis.call('PEXPIRE', 'slots:' .. account, 2 * lease)
release(id, its.lane, its.priority, its.owner)
tell(id, its, 'taken upstream')
return 1
