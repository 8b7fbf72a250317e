-- Forget how a receiver answered: it rests no longer. ARGV: endpoint, lane, priority.
local endpoint, lane, priority = unpack(ARGV)
local member = priority .. ':' .. endpoint
redis.call('DEL', 'receiver:' .. endpoint, 'rest:' .. lane .. ':' .. member, 'trial:' .. lane .. ':' .. member)
redis.call('ZREM', 'asleep:' .. lane, '@' .. member)
let_in(lane, member)
return 1
