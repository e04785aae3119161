-- Make the caller the only owner of a shard.
--
-- KEYS  meta, fields, unpublished, buckets, stage
-- ARGV  1 the newest state format the caller can read
--       2 an epoch known to have existed: the new one is greater ('0': none is known)
--
-- Answers  {'owner', epoch, seq, epoch before}   all older owners are fenced from here on
--          {'newer', format}                     written by a newer release; nothing was changed
--          {'lost', what, expected, found}       keys have vanished; nothing was changed
--
-- The new epoch is greater than every one before it even if Redis lost its latest writes in a failover (then the clock
-- decides) or its clock went back (then the stored epoch does). Repeating the call is harmless: it takes the next epoch.

local names = {'fields', 'unpublished', 'buckets'}
local meta = redis.call('HMGET', KEYS[1], 'epoch', 'seq', 'format', 'fields', 'unpublished', 'buckets')

if meta[3] and tonumber(meta[3]) > tonumber(ARGV[1]) then
  return {'newer', meta[3]}
end
for i, name in ipairs(names) do
  local expected = tonumber(meta[3 + i] or '0')
  local found = redis.call('HLEN', KEYS[1 + i])
  if expected ~= found then
    return {'lost', name, tostring(expected), tostring(found)}
  end
end

local time = redis.call('TIME')
local now_ms = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local before = meta[1] or '0'
local epoch = string.format('%.0f', math.max(tonumber(before) + 1, tonumber(ARGV[2]) + 1, now_ms))
local seq = meta[2] or '0'
redis.call('HSET', KEYS[1], 'epoch', epoch, 'seq', seq, 'format', ARGV[1])
redis.call('DEL', KEYS[5])
return {'owner', epoch, seq, before}
