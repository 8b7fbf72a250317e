-- What an asker has seen of a job. ARGV: account, asker, id, ms until it is asked after again (-1: it has ended there, and is
-- collected), slot lease_ms, step that collects, then what to tell, then field, value, ...
-- Returns 1; 0 if somebody else asks by now, or the job waits no longer.
local account, asker, id, again, lease, step, what = unpack(ARGV, 1, 7)
local job, now = 'job:' .. id, now_ms()
if redis.call('GET', 'poller:' .. account) ~= asker then return 0 end
local status, _, its = life(id)
if status ~= 'waiting' then
  redis.call('ZREM', 'polls:' .. account, id)
  return 0
end
redis.call('HSET', job, unpack(ARGV, 8))
if tonumber(again) >= 0 then
  redis.call('ZADD', 'polls:' .. account, now + again, id)
  redis.call('ZADD', 'slots:' .. account, 'XX', now + lease, id)
  redis.call('PEXPIRE', 'slots:' .. account, 2 * lease)
  tell(id, its, what)
  return 1
end
leave_account(id, account)
redis.call('HSET', job, 'status', 'storing', 'step', step)
make_ready(id, its.lane, its.priority, its.owner, its.created)
tell(id, its, 'storing')
return 1
