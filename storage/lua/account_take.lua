-- A held job takes a slot of an account, or is put to sleep until one may be free. ARGV: id, token, lease_ms, ms after which it
-- looks again by itself, then the accounts that could serve it, the best first: name, how many at once, how many a minute
-- (0: no limit). Returns {'taken', account, started ms} · {'waits', why} · {'lost'}: it is no longer the caller's.
-- Called again by the same holder it answers with the same account.
local id, token, lease, patience = unpack(ARGV, 1, 4)
local job, now = 'job:' .. id, now_ms()
local status, held, its = life(id)
if held ~= token or ENDED[status] then return {'lost'} end

local why, wait = 'no account serves it', tonumber(patience)
for i = 5, #ARGV, 3 do
  local name = ARGV[i]
  if redis.call('ZSCORE', 'slots:' .. name, id) then          -- the reply was lost the first time
    return {'taken', name, tonumber(redis.call('HGET', job, 'started'))}
  end
end
for i = 5, #ARGV, 3 do
  local name, at_once, per_minute = ARGV[i], tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2])
  local because, more = full(name, at_once, per_minute, now, tonumber(patience))
  if not because then
    seat(name, id, id .. ' ' .. token, tonumber(lease), now, more)
    for j = 5, #ARGV, 3 do redis.call('ZREM', 'starved:' .. ARGV[j], id) end
    redis.call('HDEL', job, 'waits_for')
    if its.account and its.account ~= name then redis.call('ZREM', 'slots:' .. its.account, id) end
    redis.call('HSET', job, 'account', name)
    local started = its.started or string.format('%d', now)
    if not its.started then redis.call('HSET', job, 'started', started) end
    tell(id, its, its.started and 'running again' or 'started')
    return {'taken', name, tonumber(started)}
  end
  if i == 5 then why = because end
  wait = math.max(1, math.min(wait, more))
end

if heeds_cancel(id, its, now) then return {'lost'} end
for i = 5, #ARGV, 3 do
  redis.call('ZADD', 'starved:' .. ARGV[i], 'NX', now, id)
  redis.call('PEXPIRE', 'starved:' .. ARGV[i], 10 * patience)
end
redis.call('HINCRBY', job, 'token', 1)                    -- a second letting go is refused
redis.call('HINCRBY', job, 'attempt', -1)
redis.call('HSET', job, 'status', 'queued', 'not_before', now + wait, 'stage', 'waiting_capacity', 'waits_for', why)
redis.call('ZADD', 'asleep:' .. its.lane, now + wait, id)
release(id, its.lane, its.priority, its.owner)
ring_bell(its.lane)
tell(id, its, 'changed')
return {'waits', why}
