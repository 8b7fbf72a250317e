-- Accept a job, whole or not at all. ARGV: id, owner, lane, priority, idempotency digest ('' if none), fingerprint,
-- window_s, start_by ms (0: none), ms within which it must start (0: as start_by says), then field, value, ...
-- Returns {'accepted', created ms} · {'replayed', id, row...} · {'reused'} (same key, other body) · {'gone'} (its job was
-- deleted). Called again with the same id, it answers as the first time.
local id, owner, lane, priority, digest, fingerprint, window, start_by, within = unpack(ARGV)
local job, idem = 'job:' .. id, 'idem:' .. owner .. ':' .. digest

if digest ~= '' then
  local before = redis.call('GET', idem)
  if before and string.sub(before, 38) ~= fingerprint then return {'reused'} end
  local first = before and string.sub(before, 1, 36)
  if first and first ~= id then
    local priority = redis.call('HGET', 'job:' .. first, 'priority')
    if not priority then return {'gone'} end
    redis.call('HSET', 'job:' .. first, 'priority', priority)   -- a write: so WAITAOF and WAIT wait for the first one too
    return {'replayed', first, row(first)}
  end
end
local created = redis.call('HGET', job, 'created')
if created then return {'accepted', tonumber(created)} end

local now = now_ms()
redis.call('HSET', job, 'status', 'queued', 'created', now, unpack(ARGV, 10))
redis.call('ZADD', 'jobs:' .. owner, now, id)
if digest ~= '' then redis.call('SET', idem, id .. ' ' .. fingerprint, 'EX', window) end
if within ~= '0' then
  start_by = string.format('%d', now + within)
  redis.call('HSET', job, 'start_by', start_by)
end
if start_by ~= '0' then redis.call('ZADD', 'due', start_by, id) end
make_ready(id, lane, priority, owner, now)
tell(id, {lane = lane, owner = owner, webhook = redis.call('HGET', job, 'webhook')}, 'queued')
return {'accepted', now}
