-- The only way out of a state. ARGV: id, token ('' if the caller holds no lease), states it may come from (space
-- separated), target, delay_ms (target queued only), give_back (1: the attempt is not spent), record_s, then field, value, ...
-- A cancel by somebody else is remembered while a job is being submitted, and carried out when it is known what became of it.
-- Returns {1, target}, also when the same holder repeats a move that had succeeded; else {0, the state it is in}, or
-- {0, 'canceling'}.
local id, token, from, to, delay, give_back, record_s = unpack(ARGV)
local job, now = 'job:' .. id, now_ms()
local status, held, its = life(id)
if not status then return {0, 'missing'} end
if token ~= '' and token ~= held then return {0, status} end
if status == to then return {1, to} end
if status == 'submitting' and to == 'canceled' and token == '' then
  redis.call('HSET', job, 'canceling', record_s, 'stage', 'canceling')
  redis.call('PUBLISH', 'canceled:' .. its.lane, id)  -- what has not been sent yet need not be
  tell(id, its, 'changed')
  return {0, 'canceling'}
end
if not string.find(' ' .. from .. ' ', ' ' .. status .. ' ', 1, true) then return {0, status} end
if status == 'submitting' and not ENDED[to] and heeds_cancel(id, its, now) then return {0, 'canceled'} end

if token == '' or ENDED[to] or to == 'queued' then      -- a holder that moves on keeps its lease
  redis.call('ZREM', 'asleep:' .. its.lane, id)
  release(id, its.lane, its.priority, its.owner)
  if token == '' or status == 'queued' then
    redis.call('ZREM', 'wait:' .. its.lane .. ':' .. its.priority .. ':' .. its.owner, id)
  end
end
if ENDED[to] then
  redis.call('HSET', job, 'status', to, 'finished', now, unpack(ARGV, 8))
  settle(id, its, to, now, record_s)
else
  redis.call('HSET', job, 'status', to, unpack(ARGV, 8))
end
if to == 'queued' then
  if give_back == '1' then redis.call('HINCRBY', job, 'attempt', -1) end
  if tonumber(delay) > 0 then
    redis.call('ZADD', 'asleep:' .. its.lane, now + delay, id)
    redis.call('HSET', job, 'not_before', now + delay)
  else make_ready(id, its.lane, its.priority, its.owner, its.created) end
end
tell(id, its, to == 'queued' and 'waiting again' or to)
return {1, to}
