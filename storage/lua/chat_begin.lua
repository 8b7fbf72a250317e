-- A stream of chat events, and whose it is. ARGV: id, owner, s to keep it after its end, s to keep it while nothing comes.
return begin_chat(unpack(ARGV))
