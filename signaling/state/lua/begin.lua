-- A request is begun: {1, its answer} where it has one, {0} where another process serves it, {2} where it is new.
local name, process, lost = A[1], A[2], A[3]
local answer = redis.call('GET', P .. 'answer:' .. name)
if answer then return {1, answer} end
local server = redis.call('GET', P .. 'begun:' .. name)
if server and alive(server) then return {0} end
redis.call('SET', P .. 'begun:' .. name, process, 'EX', 3600)
redis.call('HSET', P .. 'open:' .. process, name, lost)
keep('open:' .. process)
return {2}
