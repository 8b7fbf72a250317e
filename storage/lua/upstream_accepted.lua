-- An upstream has answered a held job with what it made: what that cost is counted, once. ARGV: id, token, units, 'cost', what is
-- written down of it. Returns 1, also when called again; 0 if the job is no longer the caller's.
local id, token, units, field, cost = unpack(ARGV)
local job = 'job:' .. id
local held, status, owner, account, before = unpack(redis.call('HMGET', job, 'token', 'status', 'owner', 'account', field))
if held ~= token or ENDED[status] then return 0 end
if before == cost then return 1 end
redis.call('HSET', job, field, cost)
charge(account, owner, units, now_ms())
return 1
