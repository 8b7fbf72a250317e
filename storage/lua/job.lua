-- Put in front of every script: what a job is to Redis, where it waits, and the one way its status changes.
-- `RULES` (what is special about some lanes) comes before this from Python. Nothing here may change from call to call, but
-- for `known`. Calls cost about 2 µs each, so none is made that is known to change nothing; small tables that grow cost as much.

local known                                   -- what cannot change until the caller is answered: emptied before each call

local function now_ms()                       -- one clock for everybody: the server's
  if not known.now then
    local t = redis.call('TIME')
    known.now = t[1] * 1000 + math.floor(t[2] / 1000)
  end
  return known.now
end

local BAND = 2 ^ 40                           -- room for fair-share tags inside one priority
local ENDED = {succeeded = true, failed = true, canceled = true, expired = true}

local function fields_of(id) return redis.call('HGETALL', 'job:' .. id) end  -- {field, value, ...}

-- A job as the client reads it: as one string, since each word of a reply costs about as much as all of it does so.
local function row(id) return cmsgpack.pack(fields_of(id)) end

local function ring_bell(lane)                -- one ring at most is kept: it means "look", not "how many"
  if redis.call('LLEN', 'bell:' .. lane) == 0 then redis.call('LPUSH', 'bell:' .. lane, 1) end
end

-- Give an owner's ready jobs a turn. A newcomer starts at the lowest tag of its priority.
local function enter_ring(lane, priority, member)
  if not redis.call('ZSCORE', 'ring:' .. lane, member) then
    local lowest = redis.call('ZRANGE', 'ring:' .. lane, priority * BAND,
                              '(' .. string.format('%.0f', (priority + 1) * BAND), 'BYSCORE', 'LIMIT', 0, 1, 'WITHSCORES')
    redis.call('ZADD', 'ring:' .. lane, lowest[2] or priority * BAND, member)
  end
  ring_bell(lane)
end

-- Put a job where its owner's next free slot will find it.
local function make_ready(id, lane, priority, owner, created)
  local member = priority .. ':' .. owner
  redis.call('ZADD', 'wait:' .. lane .. ':' .. member, created, id)
  enter_ring(lane, priority, member)
end

-- An owner that rests, or holds as many jobs as it may, leaves the ring. This lets it in again, if it has work.
local function let_in(lane, member)
  if redis.call('EXISTS', 'wait:' .. lane .. ':' .. member) == 1 then
    enter_ring(lane, tonumber(string.match(member, '^%d+')), member)
  end
end

local function hold(id, lane, member, ends, lease)
  local held = 'held:' .. lane .. ':' .. member
  redis.call('ZADD', held, ends, id)
  redis.call('PEXPIRE', held, 2 * lease)
end

-- Whether an owner may hold one more job now: it does not rest, and holds fewer than it may. One on trial may hold one.
local function has_turn(lane, member, at_once, now)
  local rests_ms = redis.call('PTTL', 'rest:' .. lane .. ':' .. member)
  if rests_ms > 0 then
    redis.call('ZADD', 'asleep:' .. lane, now + rests_ms, '@' .. member)
    return false
  end
  local held = 'held:' .. lane .. ':' .. member
  redis.call('ZREMRANGEBYSCORE', held, '-inf', now)
  if redis.call('EXISTS', 'trial:' .. lane .. ':' .. member) == 1 then at_once = 1 end
  return redis.call('ZCARD', held) < at_once
end

-- A held job is let go: where owners may hold so many at once, the next one's turn has come. (Whether it is still listed
-- as held says nothing: that list vanishes when all workers have been away for long.)
local function release(id, lane, priority, owner)
  if RULES[lane] and RULES[lane].at_once then
    local member = priority .. ':' .. owner
    redis.call('ZREM', 'held:' .. lane .. ':' .. member, id)
    let_in(lane, member)
  end
end

-- Jobs that were put to sleep for want of a slot of this account look again, those that wait longest first.
local function wake_starved(account, most)
  local woken = 0
  while woken < most do
    local id = redis.call('ZPOPMIN', 'starved:' .. account)[1]
    if not id then break end
    local lane, not_before = unpack(redis.call('HMGET', 'job:' .. id, 'lane', 'not_before'))
    if lane and not_before then
      redis.call('ZADD', 'asleep:' .. lane, 'XX', now_ms(), id)
      ring_bell(lane)
      woken = woken + 1
    end
  end
  return woken
end

local MINUTE_MS = 60000

-- Why an account can take no more now, and ms until it may be otherwise; nil if it can, and whether that is its trial.
-- `at_once`, `per_minute`: how much it may have (0: no limit). `patience`: ms, where nobody can tell.
local function full(name, at_once, per_minute, now, patience)
  local state, until_ms = unpack(redis.call('HMGET', 'account:' .. name, 'state', 'until'))
  if state == 'cooling' then
    if tonumber(until_ms) > now then return 'account ' .. name .. ' rests', until_ms - now end
    if redis.call('GET', 'probe:' .. name) then return 'account ' .. name .. ' is on trial', 5000 end
  elseif state then return 'account ' .. name .. ' is not in use (' .. state .. ')', patience end
  redis.call('ZREMRANGEBYSCORE', 'slots:' .. name, '-inf', now)
  local busy = redis.call('ZCARD', 'slots:' .. name)
  if at_once > 0 and busy >= at_once then
    return 'account ' .. name .. ' has ' .. busy .. ' jobs under way, as many as it may', patience
  end
  redis.call('ZREMRANGEBYSCORE', 'sent:' .. name, '-inf', now - MINUTE_MS)
  if per_minute > 0 and redis.call('ZCARD', 'sent:' .. name) >= per_minute then
    local first = redis.call('ZRANGE', 'sent:' .. name, 0, 0, 'WITHSCORES')
    return 'account ' .. name .. ' has had ' .. per_minute .. ' jobs in the last minute', first[2] + MINUTE_MS - now
  end
  return nil, state == 'cooling'
end

-- A slot of an account is taken: by `who`, for one call that is known by `call`.
local function seat(name, who, call, lease, now, on_trial)
  if on_trial then redis.call('SET', 'probe:' .. name, who, 'PX', lease) end
  redis.call('ZADD', 'slots:' .. name, now + lease, who)
  redis.call('PEXPIRE', 'slots:' .. name, 2 * lease)
  redis.call('ZADD', 'sent:' .. name, now, call)
  redis.call('PEXPIRE', 'sent:' .. name, MINUTE_MS)
end

-- Let there be a stream of chat events (`storage/chats.py`). Begun twice, it is as it was; returns 1 if it is new.
local function begin_chat(id, owner, keep_s, open_s)
  local chat = 'chat:' .. id
  if redis.call('HSETNX', chat, 'owner', owner) == 0 then return 0 end
  redis.call('HSET', chat, 'keep_s', keep_s, 'open_s', open_s, 'size', 0, 'count', 0)
  redis.call('EXPIRE', chat, open_s)
  return 1
end

local function life(id)                       -- status, token, and what its moves depend on
  local is = redis.call('HMGET', 'job:' .. id, 'status', 'token', 'lane', 'priority', 'owner', 'created', 'kind', 'started',
                        'keep_s', 'start_by', 'stage', 'not_before', 'error', 'webhook', 'inputs', 'parent', 'account')
  return is[1], is[2], {lane = is[3], priority = is[4], owner = is[5], created = is[6], kind = is[7], started = is[8],
                        keep_s = is[9], start_by = is[10], stage = is[11], not_before = is[12], error = is[13],
                        webhook = is[14], inputs = is[15], parent = is[16], account = is[17]}
end

local DAY_MS = 86400000
local FEED_S = 30 * 86400
local EVENTS = {queued = true, started = true, progress = true, output = true, succeeded = true, failed = true,
                canceled = true, expired = true, deleted = true}

-- The id of a delivery follows from what it says to whom. `turn` is 0 for the one that goes out by itself.
local function delivery_id(endpoint, id, what, turn)
  local said = redis.sha1hex(id .. ' ' .. what .. ' ' .. endpoint .. ' ' .. turn)
  return string.sub(id, 1, 14) .. '7' .. string.sub(said, 1, 3) .. '-8' .. string.sub(said, 4, 6) .. '-' ..
         string.sub(said, 7, 14) .. '0000'
end

local POSTED_S = 8 * 86400                    -- longer than a delivery is tried, and kept after that

-- Put a delivery in the outbox: a job of its own. `request` (JSON) is all it needs.
local function put_out(delivery, endpoint, id, request)
  local now = now_ms()
  redis.call('HSET', 'job:' .. delivery, 'status', 'queued', 'created', now, 'kind', 'webhook.delivery', 'owner', endpoint,
             'dialect', 'webhook', 'model', '', 'engine', '', 'lane', 'delivery', 'step', 'deliver', 'priority', 5,
             'request', request)
  redis.call('ZADD', 'jobs:' .. endpoint, now, delivery)
  redis.call('RPUSH', 'posted:' .. id, delivery)
  redis.call('EXPIRE', 'posted:' .. id, POSTED_S)
  make_ready(delivery, 'delivery', 5, endpoint, now)
end

-- What a delivery needs: the event, and the job as it stands, which may be deleted before the receiver answers. Fields go
-- by their names: those who read it may be of another version. `more`: {field = value}.
local function letter(id, owner, what, at, more)
  local fields, all = {}, fields_of(id)
  for i = 1, #all, 2 do fields[all[i]] = all[i + 1] end
  fields.request = fields.request and '{}'
  more.job, more.owner, more.event, more.at, more.fields = id, owner, what, at, fields
  return cjson.encode(more)
end

local function post(endpoint, id, owner, what, at, more)
  local delivery = delivery_id(endpoint, id, what, 0)
  if redis.call('EXISTS', 'job:' .. delivery) == 0 then
    put_out(delivery, endpoint, id, letter(id, owner, what, tonumber(string.match(at, '^%d+')), more))
  end
end

-- What stands for the receiver behind a URL that came with a job: its origin, since the rest may differ from job to job.
local function origin_id(owner, url)
  local origin = string.match(url, '^%w+://[^/?#]+') or url
  return 'url_' .. string.sub(redis.sha1hex(owner .. ' ' .. string.lower(origin)), 1, 24)
end

-- An owner's endpoints, and the events that each asks for: {endpoint, types, ...}.
local function hooks_of(owner)
  local key = 'hooks:' .. owner
  known[key] = known[key] or redis.call('HGETALL', key)
  return known[key]
end

-- Tell those who listen to an owner's events. Nobody can begin to before the caller is answered.
local function tell_listeners(owner, event)
  local channel = 'events:' .. owner
  if known[channel] ~= 0 then known[channel] = redis.call('PUBLISH', channel, event) end
end

-- An owner's feed has about so many events, and never many more: it is cut once in a call, however many are added.
local function trim_feed(owner)
  local key = 'feed:' .. owner
  if not known[key] then known[key] = redis.call('XTRIM', key, 'MAXLEN', '~', 10000) end
end

local function asked_for(types, word)         -- `types`: separated by spaces
  return string.find(' ' .. types .. ' ', ' job.' .. word .. ' ', 1, true)
end

-- Something has happened to a job: it goes to its owner's feed (`changed` does not), and if it is an event to whoever
-- listens and to the webhooks that ask for it.
local function tell(id, its, what)
  if RULES[its.lane] and RULES[its.lane].quiet then return end
  redis.call('PUBLISH', 'job:' .. id, what)
  local word, owner = string.match(what, '^%a+'), its.owner
  if what == 'changed' then return end
  local at = redis.call('XADD', 'feed:' .. owner, '*', 'job', id, 'event', what)
  trim_feed(owner)
  if not EVENTS[word] then return end
  if word == 'queued' or word == 'deleted' or (ENDED[word] and now_ms() - its.created > DAY_MS) then
    redis.call('EXPIRE', 'feed:' .. owner, FEED_S)                -- else its admission has just done that
  end
  tell_listeners(owner, at .. ' ' .. id .. ' ' .. what)
  local endpoints = hooks_of(owner)
  for i = 1, #endpoints, 2 do
    if asked_for(endpoints[i + 1], word) then post(endpoints[i], id, owner, what, at, {}) end
  end
  if its.webhook then
    local hook = cjson.decode(its.webhook)
    if asked_for(table.concat(hook.events, ' '), word) then
      post(origin_id(owner, hook.url), id, owner, what, at, {url = hook.url, base_url = hook.base_url})
    end
  end
end

-- What an idempotency key has brought before: nothing (nil), 'reused' (by another body), or the UUID of what it made.
local function brought(owner, digest, fingerprint)
  local before = digest ~= '' and redis.call('GET', 'idem:' .. owner .. ':' .. digest)
  if not before then return nil end
  return string.sub(before, 38) == fingerprint and string.sub(before, 1, 36) or 'reused'
end

local function remember(owner, digest, fingerprint, uuid, window)
  if digest ~= '' then redis.call('SET', 'idem:' .. owner .. ':' .. digest, uuid .. ' ' .. fingerprint, 'EX', window) end
end

-- A new job: stored, listed, and where it will be found. `fields`: name, value, ... `within`: ms it has to start in, or '0'.
local function accept(id, owner, lane, priority, start_by, within, fields)
  local job, now = 'job:' .. id, now_ms()
  redis.call('HSET', job, 'status', 'queued', 'created', now, unpack(fields))
  redis.call('ZADD', 'jobs:' .. owner, now, id)
  if within ~= '0' then
    start_by = string.format('%d', now + within)
    redis.call('HSET', job, 'start_by', start_by)
  end
  if start_by ~= '0' then redis.call('ZADD', 'due', start_by, id) end
  make_ready(id, lane, priority, owner, now)
  tell(id, {lane = lane, owner = owner, webhook = redis.call('HGET', job, 'webhook')}, 'queued')
  return now
end

local SPENT_DAYS_S = 40 * 86400

-- An account has accepted a job: it is counted there, and what it costs by the day and by whose job it was.
local function charge(account, owner, units, now)
  local all = 'spent:' .. account
  redis.call('HINCRBY', all, 'jobs', 1)
  redis.call('HINCRBYFLOAT', all, 'units', units)
  local today = all .. ':' .. math.floor(now / DAY_MS)
  redis.call('HINCRBYFLOAT', today, owner, units)
  redis.call('EXPIRE', today, SPENT_DAYS_S)
end

-- A job tells no more of whether its account is well again: the next one may try it.
local function end_trial(id, account)
  if redis.call('GET', 'probe:' .. account) == id then redis.call('DEL', 'probe:' .. account) end
end

-- A job is under way at its account no longer, nor asked after.
local function leave_account(id, account)
  redis.call('ZREM', 'polls:' .. account, id)
  redis.call('ZREM', 'doubts', id)
  end_trial(id, account)
  if redis.call('ZREM', 'slots:' .. account, id) == 1 then wake_starved(account, 1) end
end

local settle

-- A job has ended, or is deleted: what it was divided into ends with it. A part that is being worked on may store its result
-- for a moment yet, so what belongs to the job is erased later.
local function end_parts(id, now)
  local parts = redis.call('HKEYS', 'parts:' .. id)
  if #parts == 0 then return end
  redis.call('DEL', 'parts:' .. id)
  redis.call('ZADD', 'erase', now + 60000, 'inputs/' .. id .. '/')
  for _, part in ipairs(parts) do
    local status, _, its = life(part)                     -- nil of `of`, which is no job
    if status and not ENDED[status] then
      redis.call('ZREM', 'asleep:' .. its.lane, part)
      redis.call('ZREM', 'wait:' .. its.lane .. ':' .. its.priority .. ':' .. its.owner, part)
      redis.call('HSET', 'job:' .. part, 'status', 'canceled', 'finished', now)
      settle(part, its, 'canceled', now, 0)
    end
  end
end

local PARTS_FROM, PARTS_SHARE = 0.1, 0.85     -- of a job's progress: dividing comes before its parts, joining after them

-- A part has ended: its job gets on, and is woken by the last of them, or by the first that did not succeed. (A job that is
-- held just now looks for itself before it goes to sleep.)
local function part_ended(part, parent, outcome, now)
  local parts, job = 'parts:' .. parent, 'job:' .. parent
  if redis.call('HEXISTS', parts, part) == 0 then return end
  redis.call('HSET', parts, part, outcome)
  local _, _, its = life(parent)
  local of, done = tonumber(redis.call('HGET', parts, 'of')), 0
  for _, ended in ipairs(redis.call('HVALS', parts)) do
    if ended == 'succeeded' then done = done + 1 end
  end
  if (done == of or outcome ~= 'succeeded') and its.not_before then
    redis.call('ZADD', 'asleep:' .. its.lane, 'XX', now, parent)
    ring_bell(its.lane)
  end
  local before, reached = tonumber(redis.call('HGET', job, 'progress') or 0), PARTS_FROM + PARTS_SHARE * done / of
  if reached > before then
    local step = math.floor(reached * 20) * 5
    redis.call('HSET', job, 'progress', string.format('%.3f', reached))
    tell(parent, its, step > before * 100 and 'progress ' .. string.format('%d', step) or 'changed')
  end
end

-- A job that has ended: out of every set, and due to vanish.
settle = function(id, its, status, now, record_s)
  local lane, kind, started, keep_s = its.lane, its.kind, its.started, its.keep_s
  record_s = RULES[lane] and RULES[lane].record_s or record_s
  if its.start_by then redis.call('ZREM', 'due', id) end
  if its.stage or its.not_before then redis.call('HDEL', 'job:' .. id, 'stage', 'not_before') end
  if its.error and (status == 'succeeded' or status == 'canceled') then redis.call('HDEL', 'job:' .. id, 'error') end
  if status == 'succeeded' and tonumber(started or 0) > 0 then
    local took = now - started
    if took > 1000 or now % 16 == 0 then       -- of short ones there are many: some will do
      local mean = tonumber(redis.call('HGET', 'mean:' .. lane, kind) or 0)
      redis.call('HSET', 'mean:' .. lane, kind, string.format('%.0f', mean == 0 and took or mean * 0.9 + took * 0.1))
    end
  end
  if status == 'canceled' then redis.call('PUBLISH', 'canceled:' .. lane, id) end
  if its.inputs then redis.call('ZADD', 'erase', now, 'inputs/' .. id .. '/') end
  if its.kind == 'transcription' then end_parts(id, now) end
  if its.parent then part_ended(id, its.parent, status, now) end
  if its.account then leave_account(id, its.account) end
  if keep_s and tonumber(keep_s) > 0 then
    redis.call('ZADD', 'erase', now + keep_s * 1000, id)
    record_s = keep_s
  end
  if tonumber(record_s) > 0 then redis.call('EXPIRE', 'job:' .. id, record_s) end
end

-- A cancel that came while a job was being submitted is carried out as soon as it is known what became of it. `canceling` holds
-- for how many seconds the record outlives that. Returns whether there was one.
local function heeds_cancel(id, its, now)
  local job = 'job:' .. id
  local record_s = redis.call('HGET', job, 'canceling')
  if not record_s then return false end
  redis.call('HSET', job, 'status', 'canceled', 'finished', now)
  redis.call('HDEL', job, 'canceling', 'stage', 'not_before', 'waits_for')
  redis.call('ZREM', 'asleep:' .. its.lane, id)
  release(id, its.lane, its.priority, its.owner)
  settle(id, its, 'canceled', now, record_s)
  tell(id, its, 'canceled')
  return true
end

local GONE = '{"code":"worker_lost","message":"the process that read the answer is gone; it may have been paid for"}'
local LATE = '{"code":"deadline_passed","message":"it did not start in time","retryable":true}'

-- Wake what sleeps no longer: delayed jobs, and held jobs whose lease ran out (their worker is gone).
local function wake(lane, now, tries, record_s)
  for _, id in ipairs(redis.call('ZRANGE', 'asleep:' .. lane, '-inf', now, 'BYSCORE', 'LIMIT', 0, 256)) do
    redis.call('ZREM', 'asleep:' .. lane, id)
    local job = 'job:' .. id
    local status, _, its = life(id)
    if string.sub(id, 1, 1) == '@' then let_in(lane, string.sub(id, 2))      -- an owner that has rested
    elseif status and not ENDED[status] then
      local rescues = 0
      if not its.not_before then                            -- nobody put it to sleep: its lease ran out
        rescues = redis.call('HINCRBY', job, 'rescues', 1)
        redis.call('HINCRBY', job, 'attempt', -1)
        redis.call('HINCRBY', job, 'token', 1)          -- its old worker's writes are refused
        release(id, lane, its.priority, its.owner)
      end
      local once = rescues > 0 and RULES[lane] and RULES[lane].once
      if once or rescues >= tries then
        redis.call('HSET', job, 'status', 'failed', 'finished', now, 'error', once and GONE or
                   '{"code":"worker_lost","message":"its worker vanished ' .. rescues .. ' times","retryable":true}')
        settle(id, its, 'failed', now, record_s)
        tell(id, its, 'failed')
      else
        if status == 'running' then
          redis.call('HSET', job, 'status', 'queued')
          tell(id, its, 'waiting again')
        end
        make_ready(id, lane, its.priority, its.owner, its.created)
      end
    end
  end
end
