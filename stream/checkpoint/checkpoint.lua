-- Write one checkpoint: state, input offsets and the unpublished set move together or not at all.
--
-- KEYS  1 meta, 2 fields, 3 unpublished, 4 buckets, 5 stage, 6.. the buckets that are appended to or dropped
-- ARGV  1 epoch, 2 seq before, 3 seq of this checkpoint, 4 number of staged pieces, 5.. sections
--
-- A section is: name, number of items n, n items.
--   set        field, value, ...              offset     topic, next offset, ...
--   delete     field, ...                     append     index in KEYS, bucket, records, ...
--   publish    field, seq, ...                drop       index in KEYS, bucket, ...
--   delivered  field, seq, ...
--
-- Answers  {'landed', seq, ''}          written now
--          {'landed', seq, 'repeated'}  written before; only the answer had been lost, so nothing was written twice
--          {'fenced', epoch}            another owner has the shard; nothing was written
--          {'stale', seq}               the state is not the one the caller last wrote; nothing was written
--
-- Why it may be believed. Redis runs a script alone: no other command is between the checks and the writes. Both
-- checks are by equality, so a writer passes only if it is the last that took over AND what is stored is exactly what
-- it wrote last: not a zombie, not a late copy of an old call, not an owner whose writes a failover lost. Out of
-- memory, a read-only replica and a failing disk are refused at the first write of a script, never in its middle; the
-- writes reach the append-only file and the replicas as one transaction.

local meta = redis.call('HMGET', KEYS[1], 'epoch', 'seq')
if meta[1] ~= ARGV[1] then return {'fenced', meta[1] or ''} end
if meta[2] == ARGV[3] then return {'landed', ARGV[3], 'repeated'} end
if meta[2] ~= ARGV[2] then return {'stale', meta[2] or ''} end

-- Lua's unpack fails at about 8 000 values: 1 000 fields with their values at a time.
local function in_slices(command, key, items, first, last)
  for i = first, last, 2000 do
    redis.call(command, key, unpack(items, i, math.min(i + 1999, last)))
  end
end

local apply = {}

function apply.set(items, first, last) in_slices('HSET', KEYS[2], items, first, last) end

function apply.delete(items, first, last) in_slices('HDEL', KEYS[2], items, first, last) end

function apply.publish(items, first, last) in_slices('HSET', KEYS[3], items, first, last) end

function apply.offset(items, first, last)
  for i = first, last, 2 do
    redis.call('HSET', KEYS[1], 'offset:' .. items[i], items[i + 1])
  end
end

-- A field that changed again after it was sent has a greater seq by now: it stays.
function apply.delivered(items, first, last)
  for i = first, last, 2 do
    local seq = redis.call('HGET', KEYS[3], items[i])
    if seq and tonumber(seq) <= tonumber(items[i + 1]) then
      redis.call('HDEL', KEYS[3], items[i])
    end
  end
end

-- A bucket that the list does not know is a leftover of a state that was dropped: its bytes are not ours.
function apply.append(items, first, last)
  for i = first, last, 3 do
    if redis.call('HEXISTS', KEYS[4], items[i + 1]) == 0 then
      redis.call('DEL', KEYS[tonumber(items[i])])
    end
    local length = redis.call('APPEND', KEYS[tonumber(items[i])], items[i + 2])
    redis.call('HSET', KEYS[4], items[i + 1], length)
  end
end

function apply.drop(items, first, last)
  for i = first, last, 2 do
    redis.call('DEL', KEYS[tonumber(items[i])])
    redis.call('HDEL', KEYS[4], items[i + 1])
  end
end

local function apply_sections(items, at)
  while items[at] do
    local last = at + 1 + tonumber(items[at + 1])
    apply[items[at]](items, at + 2, last)
    at = last + 1
  end
end

local pieces = {}
for piece = 1, tonumber(ARGV[4]) do
  local packed = redis.call('HGET', KEYS[5], tostring(piece))
  if not packed then return {'stale', meta[2]} end
  pieces[piece] = packed
end
for _, packed in ipairs(pieces) do
  apply_sections(cmsgpack.unpack(packed), 1)
end
apply_sections(ARGV, 5)
redis.call('DEL', KEYS[5])
redis.call('HSET', KEYS[1], 'seq', ARGV[3], 'fields', redis.call('HLEN', KEYS[2]),
  'unpublished', redis.call('HLEN', KEYS[3]), 'buckets', redis.call('HLEN', KEYS[4]))
return {'landed', ARGV[3], ''}
