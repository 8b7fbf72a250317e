-- Hand out batches that nobody holds, the longest waiting first. ARGV: lease_ms, most, how many of one owner's may be held at
-- a time, by whomever. Returns {id, {field, value, ...}}...; each has a new token, and older ones write no more.
local lease, most, per_owner = unpack(ARGV)
local now, held, claimed = now_ms(), {}, {}
for _, id in ipairs(redis.call('ZRANGE', 'batches', '(' .. now, '+inf', 'BYSCORE')) do
  local owner = redis.call('HGET', 'batch:' .. id, 'owner') or ''
  held[owner] = (held[owner] or 0) + 1
end
for _, id in ipairs(redis.call('ZRANGE', 'batches', '-inf', now, 'BYSCORE', 'LIMIT', 0, 1000)) do
  if #claimed >= tonumber(most) then break end
  local owner = redis.call('HGET', 'batch:' .. id, 'owner')
  if not owner then redis.call('ZREM', 'batches', id)
  elseif (held[owner] or 0) < tonumber(per_owner) then
    held[owner] = (held[owner] or 0) + 1
    redis.call('HINCRBY', 'batch:' .. id, 'token', 1)
    redis.call('ZADD', 'batches', now + lease, id)
    claimed[#claimed + 1] = {id, redis.call('HGETALL', 'batch:' .. id)}
  end
end
return claimed
