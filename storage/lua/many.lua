-- Several calls in one, each as if it came alone: what goes wrong with one is told to it alone. The client spends some 10 µs
-- on each reply, whatever is in it. ARGV: name, how many arguments, argument, ..., name, ...
-- Returns {1, reply} or {0, what went wrong} for each.
local replies, at, all = {}, 1, #ARGV
while at < all do
  local asked, count = {}, tonumber(ARGV[at + 1])
  for i = 1, count do asked[i] = ARGV[at + 1 + i] end
  local done, reply = pcall(CALLS[ARGV[at]], asked)
  if reply == nil then reply = false end                    -- a list would end with it
  if done then replies[#replies + 1] = {1, reply}
  else replies[#replies + 1] = {0, type(reply) == 'table' and reply.err or tostring(reply)} end
  at = at + 2 + count
end
return replies
