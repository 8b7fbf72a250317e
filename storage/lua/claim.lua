-- Hand out work. ARGV: lane, free slots, lease_ms, tries, record_s, status that a queued job takes when claimed.
-- First wakes what sleeps no longer, then gives up to `free` jobs: lowest priority number, then lowest fair-share tag.
-- A queued job moves on to the given status; one that is further along (storing, waiting) stays in its own.
-- Returns {ms until the next sleeper wakes or -1, {id, row, id, row, ...}}. `free` = 0 is legal: it passes a swallowed bell on.
local lane, free, lease, tries, record_s, taken = unpack(ARGV)
local ring, asleep, now = 'ring:' .. lane, 'asleep:' .. lane, now_ms()
local rule = RULES[lane] or {}
local at_once = rule.at_once
free = tonumber(free)
wake(lane, now, tonumber(tries), record_s)

local claimed, count = {}, 0

local WANTED = {status = true, owner = true, token = true, attempt = true, started = true, start_by = true, stage = true,
                not_before = true, webhook = true}

-- A field is taken off a job's hash; `nothing` is what it is read as from now on.
local function drop(job, changed, field, nothing)
  redis.call('HDEL', job, field)
  changed[#changed + 1], changed[#changed + 2] = field, nothing
end

local MOST = 1000                             -- at a time: Lua passes some 8 000 arguments at the most

-- Ready jobs ({id, score, ...}) are leased together. Those that cannot be handed out are let go again.
local function lease_all(ready)
  local ends = {}
  for i = 1, #ready, 2 do ends[i], ends[i + 1] = now + lease, ready[i] end
  redis.call('ZADD', asleep, unpack(ends))
end

-- Hand out a job, if it has not ended, nor waited for longer than it may. Returns whether it did.
local function hand_out(id, member)
  local job, all, it = 'job:' .. id, fields_of(id), {}
  for i = 1, #all, 2 do
    if WANTED[all[i]] then it[all[i]] = all[i + 1] end
  end
  local status, started = it.status, it.started
  if not status or ENDED[status] then return false end
  if status == 'queued' and not started and it.start_by and now > tonumber(it.start_by) then
    local _, _, its = life(id)
    redis.call('HSET', job, 'status', 'expired', 'finished', now, 'error', LATE)
    settle(id, its, 'expired', now, record_s)
    tell(id, its, 'expired')
    return false
  end

  if at_once then hold(id, lane, member, now + lease, lease) end
  local starts = not started and not rule.starts_late
  local changed = {'status', status == 'queued' and taken or status,
                   'token', string.format('%d', (it.token or 0) + 1),
                   'attempt', string.format('%d', (it.attempt or 0) + 1)}
  if starts then changed[7], changed[8] = 'started', string.format('%d', now) end
  redis.call('HSET', job, unpack(changed))
  if it.not_before then drop(job, changed, 'not_before', '0') end
  if it.stage and status == 'queued' then drop(job, changed, 'stage', '') end
  if started or starts then
    tell(id, {lane = lane, owner = it.owner, webhook = it.webhook}, started and 'running again' or 'started')
  end
  for _, word in ipairs(changed) do all[#all + 1] = word end              -- of two values for a field the later counts
  claimed[#claimed + 1], claimed[#claimed + 2] = id, cmsgpack.pack(all)
  count = count + 1
  return true
end

-- How many turns an owner has in a row, who is first in the ring, before the next one's: up to `most`.
local function turns_of(first, most)
  local member, tag, next, next_tag = unpack(first)
  if at_once then return 1 end                                          -- each turn depends on the one before
  if not next then return most end
  return math.min(most, next_tag - tag + (member < next and 1 or 0))
end

while count < free do
  local first = redis.call('ZRANGE', ring, 0, 1, 'WITHSCORES')
  local member = first[1]
  if not member then break end
  local able = not at_once or has_turn(lane, member, at_once, now)
  local ready = able and redis.call('ZPOPMIN', 'wait:' .. lane .. ':' .. member, turns_of(first, math.min(MOST, free - count))) or {}
  if #ready == 0 then                                                   -- it comes back when it has work and may work:
    redis.call('ZREM', ring, member)                                    -- forget its tag
  else
    local taken_turns = 0
    lease_all(ready)
    for i = 1, #ready, 2 do
      if hand_out(ready[i], member) then taken_turns = taken_turns + 1
      else redis.call('ZREM', asleep, ready[i]) end
    end
    if taken_turns > 0 then redis.call('ZINCRBY', ring, taken_turns, member) end
  end
end

if redis.call('EXISTS', ring) == 1 then ring_bell(lane) end   -- more is waiting: pass the bell on
local first = redis.call('ZRANGE', asleep, 0, 0, 'WITHSCORES')
return {first[2] and math.max(0, first[2] - now) or -1, claimed}
