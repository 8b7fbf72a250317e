-- How a receiver answered, and for how long it rests now. ARGV: endpoint, lane, priority, what ('ok', 'refused': it answers,
-- but not as it should, or 'strained': it does not get round to it), in which words, ms that it asked to be left alone,
-- strained answers in a row after which it rests, ms of the first rest, of the longest, s after which all is forgotten.
-- Who has rested is on trial (one job at a time) until it answers. Returns {failures in a row, ms of its rest}.
local endpoint, lane, priority, what, words, asked, enough, first, longest, kept = unpack(ARGV)
local receiver, member, now = 'receiver:' .. endpoint, priority .. ':' .. endpoint, now_ms()
local rest, trial = 'rest:' .. lane .. ':' .. member, 'trial:' .. lane .. ':' .. member
local failures, rest_ms = 0, tonumber(asked)
if what == 'ok' then
  redis.call('HDEL', receiver, 'failing', 'failures')
  redis.call('HSET', receiver, 'last', words, 'succeeded', now)
else
  redis.call('HSETNX', receiver, 'failing', now)
  failures = redis.call('HINCRBY', receiver, 'failures', 1)
  redis.call('HSET', receiver, 'last', words)
end
local rests_ms = redis.call('PTTL', rest)
if what ~= 'strained' then
  redis.call('HDEL', receiver, 'strained', 'rests')
  redis.call('DEL', trial)
elseif redis.call('HINCRBY', receiver, 'strained', 1) >= tonumber(enough) and rests_ms <= 0 then
  local rests = redis.call('HINCRBY', receiver, 'rests', 1)
  rest_ms = math.max(rest_ms, math.min(first * 2 ^ (rests - 1), longest))
  redis.call('SET', trial, 1, 'PX', string.format('%.0f', rest_ms + 2 * longest))
end
redis.call('EXPIRE', receiver, kept)
if rest_ms > math.max(rests_ms, 0) then redis.call('SET', rest, 1, 'PX', string.format('%.0f', rest_ms)) end
return {failures, math.max(rest_ms, rests_ms, 0)}
