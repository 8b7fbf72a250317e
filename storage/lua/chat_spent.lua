-- Chats at an account have been answered. ARGV: account, owner, how many chats, of how many of them it was not told what they
-- took, prompt tokens, completion tokens, an id of this count. Returns 1, or 0 if that has been counted already.
local account, owner, chats, untold, prompt, completion, id = unpack(ARGV)
if not redis.call('SET', 'counted:' .. id, 1, 'NX', 'EX', 60) then return 0 end
local all, today = 'spent:' .. account, 'tokens:' .. account .. ':' .. math.floor(now_ms() / DAY_MS)
redis.call('HINCRBY', all, 'chats', chats)
redis.call('HINCRBY', all, 'untold', untold)
redis.call('HINCRBY', all, 'prompt_tokens', prompt)
redis.call('HINCRBY', all, 'completion_tokens', completion)
redis.call('HINCRBY', today, owner .. ' prompt', prompt)
redis.call('HINCRBY', today, owner .. ' completion', completion)
redis.call('EXPIRE', today, SPENT_DAYS_S)
return 1
