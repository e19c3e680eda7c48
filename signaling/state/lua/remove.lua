-- A device's connection is gone; gives 0 where it has a newer one.
local user, device, socket = A[1], A[2], A[3]
local record = redis.call('HGET', P .. 'devices:' .. user, device)
if not record then return 0 end
local process, current = where(record)
if current ~= socket then return 0 end
redis.call('HDEL', P .. 'devices:' .. user, device)
redis.call('SREM', P .. 'at:' .. process, user .. ' ' .. device)
return 1
