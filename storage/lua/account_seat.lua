-- A call that is no job takes a slot of an account. ARGV: id, lease_ms, ms to wait where nobody can tell for how long, then the
-- accounts that could serve it, the best first: name, how many at once, how many a minute (0: no limit).
-- Returns {'taken', account} · {'full', why, ms until it may be otherwise}. Called again it answers with the same account.
local id, lease, patience = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local now, why, wait = now_ms(), 'no account serves it', patience
for i = 4, #ARGV, 3 do
  if redis.call('ZSCORE', 'slots:' .. ARGV[i], id) then return {'taken', ARGV[i]} end
end
for i = 4, #ARGV, 3 do
  local name = ARGV[i]
  local because, more = full(name, tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2]), now, patience)
  if not because then
    seat(name, id, id, lease, now, more)
    return {'taken', name}
  end
  if i == 4 then why = because end
  wait = math.max(1, math.min(wait, more))
end
return {'full', why, wait}
