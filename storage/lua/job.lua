-- Put in front of every script: what a job is to Redis, where it waits, and the one way its status changes.
-- `FIELDS` (the job's fields, in order) and `AT` (name → place in a row) come before this from Python.
-- Calls cost about 2 µs each, so none is made that is known to change nothing.

local function now_ms()                       -- one clock for everybody: the server's
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end

local BAND = 2 ^ 40                           -- room for fair-share tags inside one priority
local ENDED = {succeeded = true, failed = true, canceled = true, expired = true}

local function row(id) return redis.call('HMGET', 'job:' .. id, unpack(FIELDS)) end

local function ring_bell(lane)                -- one ring at most is kept: it means "look", not "how many"
  if redis.call('LLEN', 'bell:' .. lane) == 0 then redis.call('LPUSH', 'bell:' .. lane, 1) end
end

-- Put a job where its owner's next free slot will find it. A newcomer starts at the lowest tag of its priority.
local function make_ready(id, lane, priority, owner, created)
  local member = priority .. ':' .. owner
  redis.call('ZADD', 'wait:' .. lane .. ':' .. member, created, id)
  if not redis.call('ZSCORE', 'ring:' .. lane, member) then
    local lowest = redis.call('ZRANGE', 'ring:' .. lane, priority * BAND,
                              '(' .. string.format('%.0f', (priority + 1) * BAND), 'BYSCORE', 'LIMIT', 0, 1, 'WITHSCORES')
    redis.call('ZADD', 'ring:' .. lane, lowest[2] or priority * BAND, member)
  end
  ring_bell(lane)
end

local FEED_S = 30 * 86400
local MIDWAY = {running = true, making = true, stored = true, storing = true}   -- an end is still to come

local function tell(owner, id, what)          -- the owner's feed, and whoever waits for this job
  redis.call('XADD', 'feed:' .. owner, 'MAXLEN', '~', 10000, '*', 'job', id, 'status', what)
  if not MIDWAY[what] then redis.call('EXPIRE', 'feed:' .. owner, FEED_S) end
  redis.call('PUBLISH', 'job:' .. id, what)
end

local LIFE = {'lane', 'priority', 'owner', 'created', 'kind', 'started', 'keep_s', 'start_by', 'stage', 'not_before', 'error'}

local function life(id)                       -- what its moves depend on
  local values, its = redis.call('HMGET', 'job:' .. id, 'status', 'token', unpack(LIFE)), {}
  for i, name in ipairs(LIFE) do its[name] = values[i + 2] end
  return values[1], values[2], its
end

-- A job that has ended: out of every set, and due to vanish.
local function settle(id, its, status, now, record_s)
  local lane, kind, started, keep_s = its.lane, its.kind, its.started, its.keep_s
  if its.start_by then redis.call('ZREM', 'due', id) end
  if its.stage or its.not_before then redis.call('HDEL', 'job:' .. id, 'stage', 'not_before') end
  if its.error and (status == 'succeeded' or status == 'canceled') then redis.call('HDEL', 'job:' .. id, 'error') end
  if status == 'succeeded' and tonumber(started or 0) > 0 then
    local took, mean = now - started, tonumber(redis.call('HGET', 'mean:' .. lane, kind) or 0)
    redis.call('HSET', 'mean:' .. lane, kind, string.format('%.0f', mean == 0 and took or mean * 0.9 + took * 0.1))
  end
  if status == 'canceled' then redis.call('PUBLISH', 'canceled:' .. lane, id) end
  if keep_s and tonumber(keep_s) > 0 then
    redis.call('ZADD', 'erase', now + keep_s * 1000, id)
    record_s = keep_s
  end
  if tonumber(record_s) > 0 then redis.call('EXPIRE', 'job:' .. id, record_s) end
end

local LATE = '{"code":"deadline_passed","message":"it did not start in time","retryable":true}'

-- Wake what sleeps no longer: delayed jobs, and held jobs whose lease ran out (their worker is gone).
local function wake(lane, now, tries, record_s)
  for _, id in ipairs(redis.call('ZRANGE', 'asleep:' .. lane, '-inf', now, 'BYSCORE', 'LIMIT', 0, 256)) do
    redis.call('ZREM', 'asleep:' .. lane, id)
    local job = 'job:' .. id
    local status, _, its = life(id)
    if status and not ENDED[status] then
      local rescues = 0
      if not its.not_before then                            -- nobody put it to sleep: its lease ran out
        rescues = redis.call('HINCRBY', job, 'rescues', 1)
        redis.call('HINCRBY', job, 'attempt', -1)
        redis.call('HINCRBY', job, 'token', 1)          -- its old worker's writes are refused
      end
      if rescues >= tries then
        redis.call('HSET', job, 'status', 'failed', 'finished', now, 'error',
                   '{"code":"worker_lost","message":"its worker vanished ' .. rescues .. ' times","retryable":true}')
        settle(id, its, 'failed', now, record_s)
        tell(its.owner, id, 'failed')
      else
        if status == 'running' then
          redis.call('HSET', job, 'status', 'queued')
          tell(its.owner, id, 'queued')
        end
        make_ready(id, lane, its.priority, its.owner, its.created)
      end
    end
  end
end
