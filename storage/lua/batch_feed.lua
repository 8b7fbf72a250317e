-- Submit some lines of a batch: their jobs are accepted, the lines open and the cursor moves on, all or nothing, and once.
-- ARGV: id, token, line at which the cursor stands, line and offset (bytes) to which it moves, then for each line: its number,
-- what is kept of it while it is open, job id ('' for a line that was refused); and for a job: lane, priority, ms within
-- which it must start (0: any time), how many words its fields take, field, value, ...
-- Returns {1, status}, also when called again; {0, status} if it is no longer the caller's, or not to be fed.
local id, token, from, to, offset = unpack(ARGV, 1, 5)
local batch, open = 'batch:' .. id, 'open:' .. id
local held, status, line, owner = unpack(redis.call('HMGET', batch, 'token', 'status', 'line', 'owner'))
if held ~= token or status ~= 'in_progress' then return {0, status} end
if line == to then return {1, status} end
if (line or '0') ~= from then return {0, status} end

local at = 6
while at <= #ARGV do
  local number, kept, job = unpack(ARGV, at, at + 2)
  redis.call('HSET', open, number, kept)
  at = at + 3
  if job ~= '' then
    local lane, priority, within, words = unpack(ARGV, at, at + 3)
    accept(job, owner, lane, priority, '0', within, {unpack(ARGV, at + 4, at + 3 + words)})
    at = at + 4 + words
  end
end
redis.call('HSET', batch, 'line', to, 'offset', offset)
return {1, status}
