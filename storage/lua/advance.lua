-- The only way out of a state. ARGV: id, token ('' if the caller holds no lease), states it may come from (space
-- separated), target, delay_ms (target queued only), give_back (1: the attempt is not spent), record_s, then field, value, ...
-- Returns {1, target}, also when the same holder repeats a move that had succeeded; else {0, the state it is in}.
local id, token, from, to, delay, give_back, record_s = unpack(ARGV)
local job, now = 'job:' .. id, now_ms()
local status, held, lane, priority, owner, created, kind, started, keep_s = unpack(redis.call('HMGET', job,
  'status', 'token', 'lane', 'priority', 'owner', 'created', 'kind', 'started', 'keep_s'))
if not status then return {0, 'missing'} end
if token ~= '' and token ~= held then return {0, status} end
if status == to then return {1, to} end
if not string.find(' ' .. from .. ' ', ' ' .. status .. ' ', 1, true) then return {0, status} end

redis.call('HSET', job, 'status', to, unpack(ARGV, 8))
if token == '' or ENDED[to] or to == 'queued' then      -- a holder that moves on keeps its lease
  redis.call('ZREM', 'asleep:' .. lane, id)
  redis.call('ZREM', 'wait:' .. lane .. ':' .. priority .. ':' .. owner, id)
end
if to == 'queued' then
  if give_back == '1' then redis.call('HINCRBY', job, 'attempt', -1) end
  if tonumber(delay) > 0 then
    redis.call('ZADD', 'asleep:' .. lane, now + delay, id)
    redis.call('HSET', job, 'not_before', now + delay)
  else make_ready(id, lane, priority, owner, created) end
elseif ENDED[to] then
  redis.call('HSET', job, 'finished', now)
  settle(id, lane, kind, to, started, now, record_s, keep_s)
end
tell(owner, id, to)
return {1, to}
