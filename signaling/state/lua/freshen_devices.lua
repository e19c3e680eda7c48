-- Some of a process's devices are here still, so their keys expire later; gives where to go on.
local process, cursor, count = A[1], A[2], A[3]
local found = redis.call('SSCAN', P .. 'at:' .. process, cursor, 'COUNT', count)
for _, name in ipairs(found[2]) do keep('devices:' .. string.match(name, '^[^ ]*')) end
return found[1]
