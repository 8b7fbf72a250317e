-- Accept a job, whole or not at all. ARGV: id, owner, lane, priority, idempotency digest ('' if none), fingerprint,
-- window_s, start_by ms (0: none), ms within which it must start (0: as start_by says), then field, value, ...
-- Returns {'accepted', created ms} · {'replayed', id, row...} · {'reused'} (same key, other body) · {'gone'} (its job was
-- deleted). Called again with the same id, it answers as the first time.
local id, owner, lane, priority, digest, fingerprint, window, start_by, within = unpack(ARGV)
local job, first = 'job:' .. id, brought(owner, digest, fingerprint)

if first == 'reused' then return {'reused'} end
if first and first ~= id then
  local was = redis.call('HGET', 'job:' .. first, 'priority')
  if not was then return {'gone'} end
  redis.call('HSET', 'job:' .. first, 'priority', was)    -- a write: so WAITAOF and WAIT wait for the first one too
  return {'replayed', first, row(first)}
end
local created = redis.call('HGET', job, 'created')
if created then return {'accepted', tonumber(created)} end

remember(owner, digest, fingerprint, id, window)
return {'accepted', accept(id, owner, lane, priority, start_by, within, {unpack(ARGV, 10)})}
