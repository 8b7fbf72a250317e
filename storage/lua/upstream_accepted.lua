-- An upstream has answered a held job with what it made: what that cost is counted, once. ARGV: id, token, units (-1: nothing is
-- known to cost anything), then field, value, ..., of which the first is 'cost', what is written down of it.
-- Returns 1, also when called again; 0 if the job is no longer the caller's.
local id, token, units, field, cost = unpack(ARGV, 1, 5)
local job = 'job:' .. id
local held, status, owner, account, before = unpack(redis.call('HMGET', job, 'token', 'status', 'owner', 'account', field))
if held ~= token or ENDED[status] then return 0 end
if before == cost and tonumber(units) >= 0 then return 1 end
redis.call('HSET', job, unpack(ARGV, 4))
if tonumber(units) >= 0 then charge(account, owner, units, now_ms()) end
return 1
