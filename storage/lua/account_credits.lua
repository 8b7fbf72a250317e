-- What an account's upstream says it has left. ARGV: account, left, 1 if that is enough for a job, why not, s for which that is
-- remembered. With too little it is out of use; as soon as there is enough, it is used again if that was all.
-- What is wrong with it otherwise stays so. Returns the state ('' if it is well).
local account, left, enough, why, keep = unpack(ARGV)
local key, purse, now = 'account:' .. account, 'purse:' .. account, now_ms()
redis.call('HSET', purse, 'left', left, 'at', now)
redis.call('EXPIRE', purse, keep)
local state, named = unpack(redis.call('HMGET', key, 'state', 'named'))
if enough == '1' then
  if state ~= 'no_credits' then return state or '' end
  redis.call('DEL', key, 'probe:' .. account)
  wake_starved(account, 64)
  return ''
end
if state and named ~= 'cooling' then return state end
redis.call('HSET', key, 'state', 'no_credits', 'named', 'no_credits', 'why', why, 'since', now, 'until', 0)
redis.call('DEL', 'probe:' .. account)
return 'no_credits'
