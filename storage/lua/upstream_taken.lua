-- An upstream has taken a held job: it is let go, and asked after from now on. ARGV: id, token, account, ms until it is first
-- asked after, slot lease_ms, units that it costs (-1: nothing is known to cost anything), s for which its ids are remembered
-- as its own, how many ids, these, then field, value, ...
-- Returns 1, also when called again; 0 if it is no longer the caller's; 2 if another job has one of the ids.
local id, token, account, after, lease, units, remembered, ids = unpack(ARGV, 1, 8)
local rest = 9 + ids
local job, now = 'job:' .. id, now_ms()
local status, held, its = life(id)
if held ~= token then return 0 end
if status == 'waiting' then return 1 end
if status ~= 'submitting' and status ~= 'in_doubt' then return 0 end
for i = 9, rest - 1 do
  local whose = redis.call('GET', 'bound:' .. account .. ':' .. ARGV[i])
  if whose and whose ~= id then return 2 end
end
for i = 9, rest - 1 do redis.call('SET', 'bound:' .. account .. ':' .. ARGV[i], id, 'EX', remembered) end
redis.call('HSET', job, 'status', 'waiting', unpack(ARGV, rest))
if tonumber(units) >= 0 then charge(account, its.owner, units, now) end
if heeds_cancel(id, its, now) then return 1 end
redis.call('HDEL', job, 'stage', 'not_before', 'error')
redis.call('HSET', job, 'attempt', 0)                   -- what is tried from now on is another thing
redis.call('ZREM', 'asleep:' .. its.lane, id)
redis.call('ZREM', 'doubts', id)
end_trial(id, account)
redis.call('ZADD', 'polls:' .. account, now + after, id)
redis.call('SADD', 'waited_at', account)
redis.call('ZADD', 'slots:' .. account, 'XX', now + lease, id)
redis.call('PEXPIRE', 'slots:' .. account, 2 * lease)
release(id, its.lane, its.priority, its.owner)
tell(id, its, 'taken upstream')
return 1
