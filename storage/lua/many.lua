-- Several calls in one, each as if it came alone: what goes wrong with one is told to it alone. The client spends some 10 µs
-- on each reply, whatever is in it. ARGV: {name, {argument, ...}, name, ...} as MessagePack.
-- Returns {1, reply} or {0, what went wrong} for each, one behind the other.
local replies, calls = {}, cmsgpack.unpack(ARGV[1])
for i = 1, #calls, 2 do
  local done, reply = pcall(CALLS[calls[i]], calls[i + 1])
  if not done then reply = type(reply) == 'table' and reply.err or tostring(reply)
  elseif reply == nil then reply = false end                -- a list would end with it
  replies[i], replies[i + 1] = done and 1 or 0, reply
end
return replies
