-- The only way out of a batch's status. ARGV: id, token ('' if the caller holds no lease), statuses it may come from (space
-- separated), target, 1 if that is an end, seconds for which its record and its results are kept then, field, value, ...
-- Returns {1, target}, also when called again; {0, the status it is in}, or {0, 'missing'}.
local id, token, from, to, ends, record_s = unpack(ARGV)
local batch, now = 'batch:' .. id, now_ms()
local held, status, input, output, errors, keep_s = unpack(redis.call('HMGET', batch, 'token', 'status', 'input_file',
                                                                      'output_file', 'error_file', 'keep_s'))
if not status then return {0, 'missing'} end
if status == to then return {1, to} end
if token ~= '' and token ~= held then return {0, status} end
if not string.find(' ' .. from .. ' ', ' ' .. status .. ' ', 1, true) then return {0, status} end
redis.call('HSET', batch, 'status', to, to .. '_at', now, unpack(ARGV, 7))

local function let_go(id, expires)                       -- of a file that nobody could delete until now
  local file = 'file:' .. id
  if redis.call('HINCRBY', file, 'holds', -1) > 0 then return end
  local own, where = unpack(redis.call('HMGET', file, 'expires', 'where'))
  expires = expires or tonumber(own or 0)
  if expires > 0 then
    redis.call('HSET', file, 'expires', expires)
    redis.call('PEXPIREAT', file, math.max(expires, now + 1))
    redis.call('PEXPIREAT', 'segments:' .. id, math.max(expires, now + 1))
    redis.call('ZADD', 'erase', expires, where)
  end
end

if ends == '1' then
  redis.call('ZREM', 'batches', id)
  redis.call('DEL', 'open:' .. id)
  redis.call('EXPIRE', batch, record_s)
  let_go(input)
  for _, file in ipairs({output or '', errors or ''}) do
    if file ~= '' then let_go(file, now + (keep_s or record_s) * 1000) end
  end
elseif token == '' then redis.call('PUBLISH', 'batches', id) end   -- its runner is to hear of it
return {1, to}
