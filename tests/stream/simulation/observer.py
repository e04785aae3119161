"""What must hold at every moment: asked of the store at each checkpoint, and each time a shard changes hands."""

from typing import Any

from simulation.broker import Record
from simulation.faults import InvariantError
from simulation.group import Logs
from stream.checkpoint import ShardName
from stream.parts.keys import PartKey
from stream.profiler.state import META, decode_meta, part_field, part_key
from tidegauge.codec import decode_profiles
from tidegauge.profiles import ProfileBundle

Hash = dict[bytes, bytes]


class Observer:
    """Sees every record that arrives, and the store before and after every checkpoint."""

    def __init__(self, store: Any, logs: Logs) -> None:
        self._store, self._logs = store, logs
        self._names = {name.meta: name for name in (ShardName("", "profiler", shard) for shard in logs)}
        self._offsets: dict[tuple[int, bytes], Hash] = {}
        self._before: Hash = {}
        self.messages: list[tuple[int, Any]] = []
        """Of the profiles topic: (partition, what was said)."""
        self.told: set[tuple[int, bytes, bytes]] = set()
        """(shard, field, body) of every profile that arrived."""
        self.letters: dict[tuple[str, int, int], str] = {}
        self.landed_checkpoints = 0

    def landed(self, record: Record) -> None:
        """Note a record of an output topic."""
        if record.topic != "profiles":
            headers = record.headers
            place = (headers["topic"].decode(), int(headers["partition"]), int(headers["offset"]))
            self.letters[place] = headers["reason"].decode()
            return
        message = decode_profiles(record.value)
        self.messages.append((record.partition, message))
        if isinstance(message, ProfileBundle):
            self.told.update((p.shard, part_field(PartKey.of(p)), p.body) for p in message.profiles)

    def before(self, meta_key: str) -> None:
        """A checkpoint is about to be tried."""
        self._before = dict(self._store.hash(self._names[meta_key].fields))

    def after(self, meta_key: str, answer: list[bytes]) -> None:
        """It was answered."""
        if answer[0] != b"landed" or answer[2] == b"repeated":
            return
        self.landed_checkpoints += 1
        name = self._names[meta_key]
        meta, fields = self._store.hash(name.meta), self._store.hash(name.fields)
        self._check_offsets(name.shard, meta, fields)
        for field in self._before.keys() - fields.keys():
            if part_key(field).part and (name.shard, field, self._before[field]) not in self.told:
                raise InvariantError(f"shard {name.shard}: {part_key(field)} was deleted, its last state never told")

    def check_unpublished(self) -> None:
        """Every part in the store was told as it stands there, or is remembered as one that must be told."""
        for name in self._names.values():
            remembered = self._store.hash(name.unpublished)
            for field, body in self._store.hash(name.fields).items():
                if field.startswith(b"p|") and field not in remembered and (name.shard, field, body) not in self.told:
                    raise InvariantError(
                        f"shard {name.shard}: {part_key(field)} is forgotten: neither told nor remembered"
                    )

    def failed_over(self) -> None:
        """The store went back in time, offsets included."""
        self._offsets.clear()

    def _check_offsets(self, shard: int, meta: Hash, fields: Hash) -> None:
        offsets = {key: value for key, value in meta.items() if key.startswith(b"offset:")}
        before = self._offsets.get((shard, meta[b"epoch"]), {})
        counts = decode_meta(fields)
        for key, value in offsets.items():
            if int(value) < int(before.get(key, b"0")):
                raise InvariantError(f"shard {shard}: {key.decode()} went back from {before[key]!r} to {value!r}")
            role = key.removeprefix(b"offset:").decode()
            mine = getattr(counts, role)
            if mine.messages + mine.gaps != int(value):
                raise InvariantError(
                    f"shard {shard}: {mine.messages} {role} + {mine.gaps} gaps are not {int(value)} offsets"
                )
            if not mine.balanced():
                raise InvariantError(f"shard {shard}: {role} are not accepted + dead + dropped")
            for offset in self._logs[shard][role].rubbish:
                if offset < int(value) and (role, shard, offset) not in self.letters:
                    raise InvariantError(f"shard {shard}: {role} went past {offset}, whose dead letter has not arrived")
        self._offsets[shard, meta[b"epoch"]] = offsets
        if META not in fields:
            raise InvariantError(f"shard {shard}: a checkpoint without its counts")
