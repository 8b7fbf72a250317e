-- Upkeep of one lane. ARGV: lane, tries, record_s, most. Ends jobs that did not start in time, and wakes what sleeps no
-- longer even where no worker has a slot free. Returns how many jobs it ended.
local lane, tries, record_s, most = unpack(ARGV)
local now, ended = now_ms(), 0
wake(lane, now, tonumber(tries), record_s)
for _, id in ipairs(redis.call('ZRANGE', 'due', '-inf', now, 'BYSCORE', 'LIMIT', 0, most)) do
  redis.call('ZREM', 'due', id)
  local job = 'job:' .. id
  local status, _, its = life(id)
  if status == 'queued' and not its.started then
    redis.call('ZREM', 'wait:' .. its.lane .. ':' .. its.priority .. ':' .. its.owner, id)
    redis.call('ZREM', 'asleep:' .. its.lane, id)
    redis.call('HSET', job, 'status', 'expired', 'finished', now, 'error', LATE)
    settle(id, its, 'expired', now, record_s)
    tell(id, its, 'expired')
    ended = ended + 1
  end
end
return ended
