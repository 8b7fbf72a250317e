-- A stream of chat events, and whose it is; begun twice, it is as it was. ARGV: id, owner, s to keep it after its end, s to
-- keep it while nothing comes.
local id, owner, keep_s, open_s = unpack(ARGV)
local chat = 'chat:' .. id
if redis.call('HSETNX', chat, 'owner', owner) == 0 then return 0 end
redis.call('HSET', chat, 'keep_s', keep_s, 'open_s', open_s, 'size', 0)
redis.call('EXPIRE', chat, open_s)
return 1
