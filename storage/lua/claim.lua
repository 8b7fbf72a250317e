-- Hand out work. ARGV: lane, free slots, lease_ms, tries, record_s, status that a queued job takes when claimed.
-- First wakes what sleeps no longer, then gives up to `free` jobs: lowest priority number, then lowest fair-share tag.
-- A queued job moves on to the given status; one that is further along (storing, waiting) stays in its own.
-- Returns {ms until the next sleeper wakes or -1, {id, row}...}. `free` = 0 is legal: it passes a swallowed bell on.
local lane, free, lease, tries, record_s, taken = unpack(ARGV)
local ring, asleep, now = 'ring:' .. lane, 'asleep:' .. lane, now_ms()
local rule = RULES[lane] or {}
local at_once = rule.at_once
free = tonumber(free)
wake(lane, now, tonumber(tries), record_s)

local claimed = {}
while #claimed < free do
  local member = redis.call('ZRANGE', ring, 0, 0)[1]
  if not member then break end
  local able = not at_once or has_turn(lane, member, at_once, now)
  local id = able and redis.call('ZPOPMIN', 'wait:' .. lane .. ':' .. member)[1]
  if not able then
    redis.call('ZREM', ring, member)                   -- comes back when it has rested, or lets a job go
  elseif not id then
    redis.call('ZREM', ring, member)                   -- its turn came and it has nothing: forget its tag
  else
    local job, it = 'job:' .. id, row(id)
    local status, owner, started, start_by = it[AT.status], it[AT.owner], it[AT.started], it[AT.start_by]
    if status == 'queued' and not started and start_by and now > tonumber(start_by) then
      local _, _, its = life(id)
      redis.call('HSET', job, 'status', 'expired', 'finished', now, 'error', LATE)
      settle(id, its, 'expired', now, record_s)
      tell(id, its, 'expired')
    elseif status and not ENDED[status] then
      it[AT.token] = string.format('%d', (it[AT.token] or 0) + 1)
      it[AT.attempt] = string.format('%d', (it[AT.attempt] or 0) + 1)
      if not rule.starts_late then it[AT.started] = started or string.format('%d', now) end
      redis.call('ZINCRBY', ring, 1, member)
      redis.call('ZADD', asleep, now + lease, id)
      if at_once then hold(id, lane, member, now + lease, lease) end
      if status == 'queued' then it[AT.status] = taken end
      redis.call('HSET', job, 'status', it[AT.status], 'token', it[AT.token], 'attempt', it[AT.attempt])
      if it[AT.started] and not started then redis.call('HSET', job, 'started', it[AT.started]) end
      if it[AT.not_before] then redis.call('HDEL', job, 'not_before') end
      if status == 'queued' then
        if it[AT.stage] then redis.call('HDEL', job, 'stage') end
        it[AT.stage] = false
      end
      it[AT.not_before] = false
      if it[AT.started] then
        tell(id, {lane = lane, owner = owner, webhook = it[AT.webhook]}, started and 'running again' or 'started')
      end
      claimed[#claimed + 1] = {id, it}
    end
  end
end

if redis.call('EXISTS', ring) == 1 then ring_bell(lane) end   -- more is waiting: pass the bell on
local first = redis.call('ZRANGE', asleep, 0, 0, 'WITHSCORES')
return {first[2] and math.max(0, first[2] - now) or -1, claimed}
