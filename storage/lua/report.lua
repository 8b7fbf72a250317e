-- A holder writes what it has come to, in the state it is in. ARGV: id, token, what to tell ('' for nothing), then field,
-- value, ... Returns 1, or 0 if the job is no longer the caller's.
local id, token, what = unpack(ARGV)
local job = 'job:' .. id
local held, owner, status = unpack(redis.call('HMGET', job, 'token', 'owner', 'status'))
if held ~= token or ENDED[status] then return 0 end
if #ARGV > 3 then redis.call('HSET', job, unpack(ARGV, 4)) end
if what ~= '' then tell(owner, id, what) else redis.call('PUBLISH', 'job:' .. id, 'progress') end
return 1
