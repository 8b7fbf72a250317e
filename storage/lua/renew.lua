-- Keep the leases of held jobs, and say that this worker serves the lane. ARGV: lane, lease_ms, worker, slots, health (JSON),
-- health_s, then id, token, ... Returns the ids no longer held: stop working on them.
local lane, lease, worker, slots, health, health_s = unpack(ARGV, 1, 6)   -- all of them may be more than Lua unpacks
local asleep, now, lost = 'asleep:' .. lane, now_ms(), {}
local limited = RULES[lane] and RULES[lane].at_once
for i = 7, #ARGV, 2 do
  local status, token, priority, owner = unpack(redis.call('HMGET', 'job:' .. ARGV[i], 'status', 'token', 'priority', 'owner'))
  if status and status ~= 'queued' and not ENDED[status] and token == ARGV[i + 1] then
    redis.call('ZADD', asleep, 'XX', now + lease, ARGV[i])
    if limited then hold(ARGV[i], lane, priority .. ':' .. owner, now + lease, lease) end
  else lost[#lost + 1] = ARGV[i] end                      -- one handed back sleeps for its delay, not for a lease
end
redis.call('SET', 'health:' .. lane .. ':' .. worker, health, 'EX', health_s)
redis.call('ZADD', 'workers:' .. lane, now + health_s * 1000, worker .. ' ' .. slots)
redis.call('ZREMRANGEBYSCORE', 'workers:' .. lane, '-inf', now)
redis.call('EXPIRE', 'workers:' .. lane, health_s)
return lost
