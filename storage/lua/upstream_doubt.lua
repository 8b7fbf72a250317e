-- Nobody knows whether the upstream took a held job, or what it made is lost here: the job is let go, and looked for after a
-- while. ARGV: id, token, ms until then (-1: it waits for an operator), then field, value, ...
-- Returns 1, or 0 if it is no longer the caller's.
local id, token, after = unpack(ARGV, 1, 3)
local job, now = 'job:' .. id, now_ms()
local status, held, its = life(id)
if held ~= token or (status ~= 'submitting' and status ~= 'in_doubt' and status ~= 'storing') then return 0 end
redis.call('HSET', job, 'status', 'in_doubt', 'stage', 'in_doubt', unpack(ARGV, 4))
if heeds_cancel(id, its, now) then return 1 end
end_trial(id, its.account or '')
redis.call('HINCRBY', job, 'token', 1)                  -- a second letting go is refused
redis.call('ZADD', 'doubts', 'NX', now, id)
if tonumber(after) >= 0 then
  redis.call('HSET', job, 'not_before', now + after)
  redis.call('ZADD', 'asleep:' .. its.lane, now + after, id)
  ring_bell(its.lane)
else
  redis.call('ZREM', 'asleep:' .. its.lane, id)
end
release(id, its.lane, its.priority, its.owner)
if status ~= 'in_doubt' then tell(id, its, 'in doubt') end
return 1
