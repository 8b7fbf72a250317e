-- Keep the leases of held batches. ARGV: lease_ms (0: let go of them), then id, token, ...
-- Returns for each its status, or '' if it is no longer the caller's.
local lease, now, found = ARGV[1], now_ms(), {}
for i = 2, #ARGV, 2 do
  local held, status = unpack(redis.call('HMGET', 'batch:' .. ARGV[i], 'token', 'status'))
  local ours = held == ARGV[i + 1] and redis.call('ZSCORE', 'batches', ARGV[i])
  if ours then redis.call('ZADD', 'batches', 'XX', now + lease, ARGV[i]) end
  found[#found + 1] = ours and status or ''
end
return found
