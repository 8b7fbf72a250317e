-- How an account has fared with a job. ARGV: account, outcome ('ok', or the state it is in now: cooling, no_credits,
-- session_expired, challenge, suspended, paused), why, ms for which it rests at the least, failures in a row that it is allowed,
-- ms of the first rest, of the longest. What an operator has paused stays so but for 'resumed', which forgets everything.
-- Returns {state ('' if it is well), until ms (0: until somebody says so)}.
local account, outcome, why, asked, allowed, first, longest = unpack(ARGV)
local key, now = 'account:' .. account, now_ms()
local state, failures, until_ms = unpack(redis.call('HMGET', key, 'state', 'failures', 'until'))

local function well()
  redis.call('DEL', key, 'probe:' .. account)
  wake_starved(account, 64)
  return {'', 0}
end

if outcome == 'resumed' then return well() end
if state == 'paused' then return {state, 0} end
if outcome == 'ok' then
  if state == 'cooling' or (failures and not state) then return well() end
  return {state or '', tonumber(until_ms or 0)}
end
if outcome == 'cooling' then
  failures = tonumber(failures or 0) + 1
  redis.call('HSET', key, 'failures', failures, 'why', why)
  local rest = tonumber(asked)
  if failures >= tonumber(allowed) then
    rest = math.max(rest, math.min(tonumber(longest), first * 2 ^ (failures - allowed)))
  end
  if rest == 0 or (state and state ~= 'cooling') then
    redis.call('DEL', 'probe:' .. account)                    -- a trial that came to nothing leaves it to the next
    return {state or '', tonumber(until_ms or 0)}
  end
  until_ms = now + rest
else
  until_ms = tonumber(asked) > 0 and now + asked or 0
end
redis.call('HSET', key, 'state', until_ms > 0 and 'cooling' or outcome, 'named', outcome, 'why', why, 'since', now,
           'until', string.format('%.0f', until_ms))
redis.call('DEL', 'probe:' .. account)
return {until_ms > 0 and 'cooling' or outcome, until_ms}
