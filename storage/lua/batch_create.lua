-- Accept a batch over a file, which stays until the batch has ended. ARGV: id, its UUID, owner, input file, idempotency
-- digest ('' if none), fingerprint, window_s, ms it has to end in, then field, value, ...
-- Returns {'accepted'} · {'replayed', id of the batch made before} · {'reused'} (same key, other request) · {'gone'} (its
-- record has expired) · {'no file'}. Called again with the same id, it answers as the first time.
local id, uuid, owner, input, digest, fingerprint, window, within = unpack(ARGV)
local batch, first = 'batch:' .. id, brought(owner, digest, fingerprint)
if first == 'reused' then return {'reused'} end
if first and first ~= uuid then
  local was = 'batch_' .. string.gsub(first, '-', '')
  if redis.call('HSET', 'batch:' .. was, 'owner', owner) == 0 then return {'replayed', was} end
  redis.call('DEL', 'batch:' .. was)
  return {'gone'}
end
if redis.call('EXISTS', batch) == 1 then return {'accepted'} end
local whose, where = unpack(redis.call('HMGET', 'file:' .. input, 'owner', 'where'))
if whose ~= owner then return {'no file'} end

local now = now_ms()
redis.call('HSET', batch, 'owner', owner, 'input_file', input, 'status', 'validating', 'created', now,
           'expires', now + within, unpack(ARGV, 9))
redis.call('ZADD', 'batches:' .. owner, 0, id)
redis.call('ZADD', 'batches', now, id)
redis.call('HINCRBY', 'file:' .. input, 'holds', 1)
redis.call('PERSIST', 'file:' .. input)
redis.call('ZREM', 'erase', where)
remember(owner, digest, fingerprint, uuid, window)
redis.call('PUBLISH', 'batches', id)
return {'accepted'}
