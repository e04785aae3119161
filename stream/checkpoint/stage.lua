-- Lay down one piece of a checkpoint that is too large for one call. Nothing of it counts until `checkpoint.lua`
-- applies all pieces at once; a takeover throws them away. Repeating the call writes the same piece again.
--
-- KEYS  meta, fields, unpublished, buckets, stage
-- ARGV  1 epoch, 2 seq before, 3 seq of this checkpoint, 4 number of the piece, 5.. sections (see checkpoint.lua)

local meta = redis.call('HMGET', KEYS[1], 'epoch', 'seq')
if meta[1] ~= ARGV[1] then return {'fenced', meta[1] or ''} end
if meta[2] == ARGV[3] then return {'landed', ARGV[3], 'repeated'} end
if meta[2] ~= ARGV[2] then return {'stale', meta[2] or ''} end

local piece = {}
for i = 5, #ARGV do piece[i - 4] = ARGV[i] end
redis.call('HSET', KEYS[5], ARGV[4], cmsgpack.pack(piece))
return {'staged', ARGV[4]}
