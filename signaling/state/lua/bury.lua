-- A process is gone: what it had not carried out and must not be lost goes elsewhere.  Gives 1 while there is more.
-- So does what it had taken of the history and not written: the heir writes it.
local process, heir = A[1], A[2]
local journal, group = P .. 'history', 'writers'
local taken = redis.pcall('XPENDING', journal, group, '-', '+', 500, process)
if taken.err then taken = {} end -- nothing was ever written
for _, entry in ipairs(taken) do redis.call('XCLAIM', journal, group, heir, 0, entry[1], 'JUSTID') end
if #taken == 500 then return 1 end
redis.pcall('XGROUP', 'DELCONSUMER', journal, group, process)
local inbox = P .. 'inbox:' .. process
local left = redis.call('XRANGE', inbox, '-', '+', 'COUNT', 500)
for _, entry in ipairs(left) do
  local payload = entry[2][2]
  local delivery = cmsgpack.unpack(payload)
  if delivery.type == 'result' then
    to_device_or_wait(delivery.device.user, delivery.device.device, payload)
  elseif delivery.type == 'room' and heir ~= process then
    put_in(heir, payload)
  end
  redis.call('XDEL', inbox, entry[1])
end
if #left == 500 then return 1 end
redis.call('DEL', inbox, P .. 'at:' .. process, P .. 'open:' .. process, P .. 'process:' .. process)
redis.call('SREM', P .. 'processes', process)
redis.call('ZREM', P .. 'deadlines', 'process:' .. process)
return 0
