-- Make a file known whose bytes are stored. ARGV: id, its UUID, owner, idempotency digest ('' if none), fingerprint,
-- window_s, expires ms (0: never), where its bytes are, then field, value, ...
-- Returns {'accepted'} · {'replayed', id of the file made before} · {'reused'} (same key, other request) · {'gone'} (deleted).
local id, uuid, owner, digest, fingerprint, window, expires, where = unpack(ARGV)
local file, first = 'file:' .. id, brought(owner, digest, fingerprint)
if first == 'reused' then return {'reused'} end
if first and first ~= uuid then
  local was = 'file-' .. string.gsub(first, '-', '')
  if redis.call('HSET', 'file:' .. was, 'owner', owner) == 0 then return {'replayed', was} end
  redis.call('DEL', 'file:' .. was)
  return {'gone'}
end
redis.call('HSET', file, 'owner', owner, 'expires', expires, 'where', where, unpack(ARGV, 9))
redis.call('ZADD', 'files:' .. owner, 0, id)
remember(owner, digest, fingerprint, uuid, window)
if expires == '0' then redis.call('ZREM', 'erase', where)
else
  redis.call('PEXPIREAT', file, expires)
  redis.call('ZADD', 'erase', expires, where)
end
return {'accepted'}
