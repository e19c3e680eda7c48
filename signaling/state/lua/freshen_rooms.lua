-- Rooms live still, so they and their index keys expire later; those that are gone are listed no more.
local rooms, names, gone = A[1], A[2], A[3]
for _, room in ipairs(rooms) do keep('room:' .. room) end
for _, name in ipairs(names) do keep('by:' .. name) end
for _, room in ipairs(gone) do
  if redis.call('EXISTS', P .. 'room:' .. room) == 0 then
    redis.call('SREM', P .. 'rooms', room)
    redis.call('ZREM', P .. 'deadlines', 'room:' .. room)
  end
end
return 1
