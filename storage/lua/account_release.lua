-- A job needs its account's slot no longer. ARGV: account, id, lease_ms (0: it is free; else it is kept for so long).
-- Whoever has waited longest for that account looks again. One that was to try it, and is let go before anything is known of how
-- it fared, leaves that to the next. Returns how many were woken.
local account, id, lease = unpack(ARGV)
if tonumber(lease) > 0 then
  redis.call('ZADD', 'slots:' .. account, 'XX', now_ms() + lease, id)
  redis.call('PEXPIRE', 'slots:' .. account, 2 * lease)
  return 0
end
end_trial(id, account)
if redis.call('ZREM', 'slots:' .. account, id) == 0 then return 0 end
return wake_starved(account, 1)
