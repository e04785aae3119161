-- Drop a shard's whole state, because a person asked for it: what remains is an epoch that fences every older owner.
--
-- KEYS  meta, fields, unpublished, buckets, stage, then the buckets that are known
-- ARGV  1 the epoch that was seen, '' for none: somebody may have taken over since, and that state is not ours to drop
--
-- Answers  {'forgotten', epoch}   the next takeover finds a shard never seen before
--          {'moved', epoch}       another owner came; nothing was changed
--
-- Buckets that nobody knows of any more stay where they are: an append to a bucket that is not in the list of lengths
-- begins it anew.

local before = redis.call('HGET', KEYS[1], 'epoch') or ''
if before ~= ARGV[1] then return {'moved', before} end

local time = redis.call('TIME')
local now_ms = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local epoch = string.format('%.0f', math.max((tonumber(before) or 0) + 1, now_ms))
for _, key in ipairs(KEYS) do
  redis.call('DEL', key)
end
redis.call('HSET', KEYS[1], 'epoch', epoch, 'seq', '0')
return {'forgotten', epoch}
