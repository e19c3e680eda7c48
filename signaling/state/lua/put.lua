-- A device is online at a process; gives 0 where the others have given that process up.
local user, device, process, socket, record = A[1], A[2], A[3], A[4], A[5]
if not alive(process) then return 0 end
local name = user .. ' ' .. device
local old = redis.call('HGET', P .. 'devices:' .. user, device)
if old then
  local old_process, old_socket = where(old)
  redis.call('SREM', P .. 'at:' .. old_process, name)
  if old_socket ~= socket then
    local replaced = {type = 'replaced', device = {user = user, device = device}, socket = old_socket, process = old_process}
    put_in(old_process, cmsgpack.pack(replaced))
  end
end
redis.call('HSET', P .. 'devices:' .. user, device, record)
redis.call('SADD', P .. 'at:' .. process, name)
keep('devices:' .. user)
keep('at:' .. process)
local waiting = P .. 'waiting:' .. name
for _, payload in ipairs(redis.call('LRANGE', waiting, 0, -1)) do put_in(process, payload) end
redis.call('DEL', waiting)
return 1
