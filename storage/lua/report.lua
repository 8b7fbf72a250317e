-- A holder writes what it has come to, in the state it is in. ARGV: id, token, what to tell, then field, value, ...
-- Returns 1, or 0 if the job is no longer the caller's.
local id, token, what = unpack(ARGV)
local job = 'job:' .. id
local held, owner, status, lane, hook = unpack(redis.call('HMGET', job, 'token', 'owner', 'status', 'lane', 'webhook'))
if held ~= token or ENDED[status] then return 0 end
if #ARGV > 3 then redis.call('HSET', job, unpack(ARGV, 4)) end
tell(id, {lane = lane, owner = owner, webhook = hook}, what)
return 1
