-- What every script begins with: names of keys, and how deliveries find their inbox.
--
-- Arguments come as one MessagePack array in ARGV[1].  Keys are made here, not declared: this is for one Redis, not for
-- a cluster (docs/decisions/signaling-redis.md).  ARGV[2] is how long what nobody uses is kept: every key but the journal
-- expires, and whoever uses it moves its expiry (`keep`), as do the beats of processes (beat, freshen).

local P = 'tertulia:'
local INBOX = 100000      -- deliveries an inbox holds (about); the oldest are dropped
local JOURNAL = 100000    -- history entries that wait for the database (about); the oldest are dropped
local CLOSINGS = 10000    -- rooms whose end their node has not confirmed; the oldest are forgotten
local WAITING = 64        -- results that wait for one device; the oldest are dropped
local REMEMBERED_S = 120  -- how long answers, and results that wait, are kept
local A = cmsgpack.unpack(ARGV[1])
local KEEP_S = tonumber(ARGV[2])

local function keep(key)
  redis.call('EXPIRE', P .. key, KEEP_S)
end

local function put_in(process, payload)
  redis.call('XADD', P .. 'inbox:' .. process, 'MAXLEN', '~', INBOX, '*', 'd', payload)
  keep('inbox:' .. process)
end

local function due_at(instant, what)
  redis.call('ZADD', P .. 'deadlines', instant, what)
  keep('deadlines')
end

local function alive(process)
  return redis.call('EXISTS', P .. 'process:' .. process) == 1
end

-- A device's record is `process|socket|the rest`.
local function where(record)
  return string.match(record, '^([^|]*)|([^|]*)|')
end

local function to_device(user, device, payload)
  local record = redis.call('HGET', P .. 'devices:' .. user, device)
  if not record then return false end
  put_in((where(record)), payload)
  return true
end

local function to_device_or_wait(user, device, payload)
  if to_device(user, device, payload) then return end
  local key = P .. 'waiting:' .. user .. ' ' .. device
  redis.call('RPUSH', key, payload)
  redis.call('LTRIM', key, -WAITING, -1)
  redis.call('EXPIRE', key, REMEMBERED_S)
end

local function to_users(users, payload)
  local told = {}
  for _, user in ipairs(users) do
    for _, record in ipairs(redis.call('HVALS', P .. 'devices:' .. user)) do
      local process = where(record)
      if not told[process] then
        told[process] = true
        put_in(process, payload)
      end
    end
  end
end

-- The first answer of a request counts.
local function answered(user, device, request, answer, payload)
  local name = user .. ' ' .. device .. ' ' .. request
  if not redis.call('SET', P .. 'answer:' .. name, answer, 'NX', 'EX', REMEMBERED_S) then return end
  local server = redis.call('GET', P .. 'begun:' .. name)
  if server then
    redis.call('DEL', P .. 'begun:' .. name)
    redis.call('HDEL', P .. 'open:' .. server, name)
  end
  to_device_or_wait(user, device, payload)
end

local function to_node(name, payload, closes, now)
  if closes ~= '' then
    redis.call('ZADD', P .. 'closing', now, closes)
    redis.call('ZREMRANGEBYRANK', P .. 'closing', 0, -CLOSINGS - 1)
    keep('closing')
  end
  local at = redis.call('HMGET', P .. 'node:' .. name, 'process', 'socket')
  if at[1] and at[2] ~= '' then put_in(at[1], payload) end
end

local function deliver(mail, now)
  for _, m in ipairs(mail) do
    local kind = m[1]
    if kind == 'device' then to_device(m[2], m[3], m[4])
    elseif kind == 'users' then to_users(m[2], m[3])
    elseif kind == 'result' then answered(m[2], m[3], m[4], m[5], m[6])
    elseif kind == 'held' then to_device_or_wait(m[2], m[3], m[4])
    elseif kind == 'node' then to_node(m[2], m[3], m[4], now)
    elseif kind == 'process' then if alive(m[2]) then put_in(m[2], m[3]) end
    elseif kind == 'history' then redis.call('XADD', P .. 'history', 'MAXLEN', '~', JOURNAL, '*', 'd', m[2])
    end
  end
end
