-- A held job takes a slot of an account, or is put to sleep until one may be free. ARGV: id, token, lease_ms, ms after which it
-- looks again by itself, then the accounts that could serve it, the best first: name, how many at once, how many a minute
-- (0: no limit). Returns {'taken', account, started ms} · {'waits', why} · {'lost'}: it is no longer the caller's.
-- Called again by the same holder it answers with the same account.
local id, token, lease, patience = unpack(ARGV, 1, 4)
local job, now, minute = 'job:' .. id, now_ms(), 60000
local status, held, its = life(id)
if held ~= token or ENDED[status] then return {'lost'} end

local function reason(name, at_once, per_minute)            -- why not, and ms until it may be otherwise; nil: it is free
  local state, until_ms = unpack(redis.call('HMGET', 'account:' .. name, 'state', 'until'))
  if state == 'cooling' then
    if tonumber(until_ms) > now then return 'account ' .. name .. ' rests', until_ms - now end
    if redis.call('GET', 'probe:' .. name) then return 'account ' .. name .. ' is on trial', 5000 end
  elseif state then return 'account ' .. name .. ' is not in use (' .. state .. ')', tonumber(patience) end
  redis.call('ZREMRANGEBYSCORE', 'slots:' .. name, '-inf', now)
  local busy = redis.call('ZCARD', 'slots:' .. name)
  if at_once > 0 and busy >= at_once then
    return 'account ' .. name .. ' has ' .. busy .. ' jobs under way, as many as it may', tonumber(patience)
  end
  redis.call('ZREMRANGEBYSCORE', 'sent:' .. name, '-inf', now - minute)
  if per_minute > 0 and redis.call('ZCARD', 'sent:' .. name) >= per_minute then
    local first = redis.call('ZRANGE', 'sent:' .. name, 0, 0, 'WITHSCORES')
    return 'account ' .. name .. ' has had ' .. per_minute .. ' jobs in the last minute', first[2] + minute - now
  end
  return nil, state == 'cooling'
end

local why, wait = 'no account serves it', tonumber(patience)
for i = 5, #ARGV, 3 do
  local name = ARGV[i]
  if redis.call('ZSCORE', 'slots:' .. name, id) then          -- the reply was lost the first time
    return {'taken', name, tonumber(redis.call('HGET', job, 'started'))}
  end
end
for i = 5, #ARGV, 3 do
  local name, at_once, per_minute = ARGV[i], tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2])
  local because, more = reason(name, at_once, per_minute)
  if not because then
    if more then redis.call('SET', 'probe:' .. name, id, 'PX', lease) end
    redis.call('ZADD', 'slots:' .. name, now + lease, id)
    redis.call('PEXPIRE', 'slots:' .. name, 2 * lease)
    redis.call('ZADD', 'sent:' .. name, now, id .. ' ' .. token)
    redis.call('PEXPIRE', 'sent:' .. name, minute)
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
