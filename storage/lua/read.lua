--! no-writes
-- ARGV: job ids. Returns their rows, in that order.
local rows = {}
for i, id in ipairs(ARGV) do rows[i] = row(id) end
return rows
