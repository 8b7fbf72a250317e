-- Hand out work. ARGV: lane, free slots, lease_ms, tries, record_s, status that a queued job takes when claimed.
-- First wakes what sleeps no longer, then gives up to `free` jobs: lowest priority number, then lowest fair-share tag.
-- A queued job moves on to the given status; one that is further along (storing, waiting) stays in its own.
-- Returns {ms until the next sleeper wakes or -1, {id, row}...}. `free` = 0 is legal: it passes a swallowed bell on.
local lane, free, lease, tries, record_s, taken = unpack(ARGV)
local ring, asleep, now = 'ring:' .. lane, 'asleep:' .. lane, now_ms()
free = tonumber(free)
wake(lane, now, tonumber(tries), record_s)

local claimed = {}
while #claimed < free do
  local member = redis.call('ZRANGE', ring, 0, 0)[1]
  if not member then break end
  local id = redis.call('ZPOPMIN', 'wait:' .. lane .. ':' .. member)[1]
  if not id then
    redis.call('ZREM', ring, member)                   -- its turn came and it has nothing: forget its tag
  else
    local job = 'job:' .. id
    local status, owner, started, start_by, kind, keep_s =
      unpack(redis.call('HMGET', job, 'status', 'owner', 'started', 'start_by', 'kind', 'keep_s'))
    if status == 'queued' and not started and tonumber(start_by or 0) > 0 and now > tonumber(start_by) then
      redis.call('HSET', job, 'status', 'expired', 'finished', now)
      settle(id, lane, kind, 'expired', nil, now, record_s, keep_s)
      tell(owner, id, 'expired')
    elseif status and not ENDED[status] then
      redis.call('ZINCRBY', ring, 1, member)
      redis.call('HINCRBY', job, 'token', 1)
      redis.call('HINCRBY', job, 'attempt', 1)
      redis.call('ZADD', asleep, now + lease, id)
      if status == 'queued' then
        redis.call('HSET', job, 'status', taken, 'started', started or now)
        redis.call('HDEL', job, 'not_before', 'stage')
        tell(owner, id, taken)
      else redis.call('HDEL', job, 'not_before') end
      claimed[#claimed + 1] = {id, row(id)}
    end
  end
end

if redis.call('EXISTS', ring) == 1 then ring_bell(lane) end   -- more is waiting: pass the bell on
local first = redis.call('ZRANGE', asleep, 0, 0, 'WITHSCORES')
return {first[2] and math.max(0, first[2] - now) or -1, claimed}
