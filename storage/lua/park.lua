-- A holder lets go of a job that keeps its state (storing while the object store is away, say) and will be claimed again
-- after a delay. ARGV: id, token, delay_ms, give_back (1: the attempt is not spent), then field, value, ...
-- Returns 1, or 0 if the job is no longer the caller's.
local id, token, delay, give_back = unpack(ARGV)
local job, due = 'job:' .. id, now_ms() + ARGV[3]
local held, lane, status, priority, owner = unpack(redis.call('HMGET', job, 'token', 'lane', 'status', 'priority', 'owner'))
if held ~= token or ENDED[status] then return 0 end
redis.call('HINCRBY', job, 'token', 1)                  -- a second letting go is refused
if give_back == '1' then redis.call('HINCRBY', job, 'attempt', -1) end
redis.call('HSET', job, 'not_before', due, unpack(ARGV, 5))
redis.call('ZADD', 'asleep:' .. lane, due, id)
release(id, lane, priority, owner)
ring_bell(lane)                                         -- an idle worker learns when to look again
return 1
