-- Who asks after an account's jobs, and after which. ARGV: account, asker, lease_ms, most. One asks at a time: others get none.
-- Returns {1, id...}: those that are due, the longest first; {0} if another asks; then {ms until the next is due, or -1}.
local account, asker, lease, most = unpack(ARGV)
local key, now = 'poller:' .. account, now_ms()
local who = redis.call('GET', key)
if who and who ~= asker then return {0, -1} end
redis.call('SET', key, asker, 'PX', lease)
local due = redis.call('ZRANGE', 'polls:' .. account, '-inf', now, 'BYSCORE', 'LIMIT', 0, most)
local first = redis.call('ZRANGE', 'polls:' .. account, 0, 0, 'WITHSCORES')
if not first[1] then redis.call('SREM', 'waited_at', account) end
return {1, first[2] and math.max(0, first[2] - now) or -1, unpack(due)}
