-- A room as it follows from `before`, with its index, deadline and deliveries; or, where somebody was faster, nothing.
-- Gives {1} done, {0, the room as it is} to be tried again, {2} where the number is taken.
local room, before, after, added, removed, unique, deadline, now, mail =
  A[1], A[2], A[3], A[4], A[5], A[6], A[7], A[8], A[9]
local key = P .. 'room:' .. room
local current = redis.call('GET', key) or ''
if current ~= before then return {0, current} end
if unique ~= '' and redis.call('EXISTS', P .. 'by:' .. unique) == 1 then return {2} end
for _, name in ipairs(removed) do redis.call('ZREM', P .. 'by:' .. name, room) end
for _, name in ipairs(added) do
  redis.call('ZADD', P .. 'by:' .. name, 'NX', now, room)
  keep('by:' .. name)
end
if after == '' then
  redis.call('DEL', key)
  redis.call('SREM', P .. 'rooms', room)
else
  redis.call('SET', key, after, 'EX', KEEP_S)
  redis.call('SADD', P .. 'rooms', room)
  keep('rooms')
end
if after == '' or deadline < 0 then
  redis.call('ZREM', P .. 'deadlines', 'room:' .. room)
else
  due_at(deadline, 'room:' .. room)
end
deliver(mail, now)
return {1}
