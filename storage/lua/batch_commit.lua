-- Results of some lines are stored: the files grow by them, the lines are open no more, and they are counted, in one step.
-- ARGV: id, token, line at which the cursor stands, line and offset to which it moves (all three '' where it stays: lines that
-- were never submitted have results too), how many completed, how many failed; then for the output file and for the
-- error file: its id, file name, key and size of the new segment (key '' for none); then the lines.
-- Returns {1, status}, also when called again; {0, status} if it is no longer the caller's.
local id, token, from, to, offset, completed, failed = unpack(ARGV, 1, 7)   -- all of them may be more than Lua unpacks
local batch, open = 'batch:' .. id, 'open:' .. id
local held, status, line, owner = unpack(redis.call('HMGET', batch, 'token', 'status', 'line', 'owner'))
if held ~= token then return {0, status} end
if from == '' then
  if redis.call('HEXISTS', open, ARGV[16]) == 0 then return {1, status} end
  for i = 16, #ARGV do redis.call('HDEL', open, ARGV[i]) end
else
  if line == to then return {1, status} end
  if (line or '0') ~= from then return {0, status} end
  redis.call('HSET', batch, 'line', to, 'offset', offset)
end

for at, field in pairs({[8] = 'output_file', [12] = 'error_file'}) do
  local file, name, key, size = unpack(ARGV, at, at + 3)
  if key ~= '' then
    if redis.call('HSET', batch, field, file) == 1 then
      redis.call('HSET', 'file:' .. file, 'owner', owner, 'purpose', 'batch_output', 'filename', name, 'created', now_ms(),
                 'type', 'application/jsonl', 'where', string.match(key, '^.*/'), 'growing', 1, 'holds', 1)
      redis.call('ZADD', 'files:' .. owner, 0, file)
    end
    redis.call('RPUSH', 'segments:' .. file, size .. ' ' .. key)
    redis.call('HINCRBY', 'file:' .. file, 'bytes', size)
  end
end
redis.call('HINCRBY', batch, 'completed', completed)
redis.call('HINCRBY', batch, 'failed', failed)
return {1, status}
