"""The store in memory: what the scripts and the reads do, written a second time.

`test_store_model` runs random commands through this and a real Valkey; as long as both answer alike and hold the same
keys, a simulation on this one speaks for the other, a hundred times faster.
"""

from collections.abc import Callable, Sequence
from typing import Any

from stream.checkpoint.requests import script_sha

SCRIPTS = ("takeover", "stage", "checkpoint", "forget")
Hash = dict[bytes, bytes]
Args = Sequence[bytes]
Saved = tuple[dict[str, Hash], dict[str, bytes]]


class ModelStore:
    """A Redis that knows this package's commands alone.

    Parameters
    ----------
    now_ms
        The server's clock.
    """

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self.hashes: dict[str, Hash] = {}
        self.strings: dict[str, bytes] = {}
        self._scripts = {script_sha(name): getattr(self, name) for name in SCRIPTS}

    def execute_command(self, command: str, *args: Any) -> Any:
        match command:
            case "EVALSHA":
                sha, count, *rest = args
                return self._scripts[sha]([*map(str, rest[:count])], [*map(encoded, rest[count:])])
            case "HSCAN":
                return [b"0", dict(self.hashes.get(args[0], {}))]
            case "MGET":
                return [self.strings.get(key) for key in args]
            case "HGET":
                return self.hashes.get(args[0], {}).get(encoded(args[1]))
        raise NotImplementedError(command)

    def hash(self, key: str) -> Hash:
        """What a hash holds; for looking only."""
        return self.hashes.get(key, {})

    def save(self) -> Saved:
        """Everything, as a replica may hold it."""
        return {key: dict(fields) for key, fields in self.hashes.items()}, dict(self.strings)

    def restore(self, saved: Saved) -> None:
        """Fail over to a replica that lags."""
        hashes, strings = saved
        self.hashes = {key: dict(fields) for key, fields in hashes.items()}
        self.strings = dict(strings)

    def takeover(self, keys: Sequence[str], args: Args) -> list[bytes]:
        meta = self.hash(keys[0])
        if int(meta.get(b"format", b"0")) > int(args[0]):
            return [b"newer", meta[b"format"]]
        for name, key in zip((b"fields", b"unpublished", b"buckets"), keys[1:4], strict=True):
            expected, found = int(meta.get(name, b"0")), len(self.hash(key))
            if expected != found:
                return [b"lost", name, str(expected).encode(), str(found).encode()]
        before = meta.get(b"epoch", b"0")
        epoch = str(max(int(before) + 1, int(args[1]) + 1, self._now_ms())).encode()
        seq = meta.get(b"seq", b"0")
        self._put(keys[0], {b"epoch": epoch, b"seq": seq, b"format": args[0]})
        self.hashes.pop(keys[4], None)
        return [b"owner", epoch, seq, before]

    def stage(self, keys: Sequence[str], args: Args) -> list[bytes]:
        refused = self.refusal(keys[0], args)
        if refused is None:
            self._put(keys[4], {args[3]: b"\n".join(item.hex().encode() for item in args[4:])})
        return refused or [b"staged", args[3]]

    def checkpoint(self, keys: Sequence[str], args: Args) -> list[bytes]:
        refused = self.refusal(keys[0], args)
        if refused is not None:
            return refused
        stage, pieces = self.hash(keys[4]), []
        for piece in range(1, int(args[3]) + 1):
            packed = stage.get(str(piece).encode())
            if packed is None:
                return [b"stale", self.hash(keys[0])[b"seq"]]
            pieces.append([bytes.fromhex(item.decode()) for item in packed.split(b"\n")])
        for items in (*pieces, args[4:]):
            self._apply(keys, items)
        self.hashes.pop(keys[4], None)
        lengths = zip((b"fields", b"unpublished", b"buckets"), keys[1:4], strict=True)
        counts = {name: str(len(self.hash(key))).encode() for name, key in lengths}
        self._put(keys[0], {b"seq": args[2], **counts})
        return [b"landed", args[2], b""]

    def forget(self, keys: Sequence[str], args: Args) -> list[bytes]:
        before = self.hash(keys[0]).get(b"epoch", b"")
        if before != args[0]:
            return [b"moved", before]
        for key in keys:
            self.hashes.pop(key, None)
            self.strings.pop(key, None)
        epoch = str(max(int(before or b"0") + 1, self._now_ms())).encode()
        self._put(keys[0], {b"epoch": epoch, b"seq": b"0"})
        return [b"forgotten", epoch]

    def refusal(self, meta_key: str, args: Args) -> list[bytes] | None:
        """The two checks, by equality: epoch, then seq."""
        meta = self.hash(meta_key)
        return self.check_epoch(meta, args) or self.check_seq(meta, args)

    def check_epoch(self, meta: Hash, args: Args) -> list[bytes] | None:
        return [b"fenced", meta.get(b"epoch", b"")] if meta.get(b"epoch") != args[0] else None

    def check_seq(self, meta: Hash, args: Args) -> list[bytes] | None:
        if meta.get(b"seq") == args[2]:
            return [b"landed", args[2], b"repeated"]
        return [b"stale", meta.get(b"seq", b"")] if meta.get(b"seq") != args[1] else None

    def _apply(self, keys: Sequence[str], items: Args) -> None:
        at = 0
        while at < len(items):
            last = at + 2 + int(items[at + 1])
            self._section(items[at].decode(), keys, items[at + 2 : last])
            at = last

    def _section(self, name: str, keys: Sequence[str], items: Args) -> None:
        match name:
            case "set":
                self._put(keys[1], dict(zip(items[::2], items[1::2], strict=True)))
            case "delete":
                self._remove(keys[1], items)
            case "publish":
                self._put(keys[2], dict(zip(items[::2], items[1::2], strict=True)))
            case "offset":
                pairs = zip(items[::2], items[1::2], strict=True)
                self._put(keys[0], {b"offset:" + topic: offset for topic, offset in pairs})
            case "delivered":
                stored = self.hash(keys[2])
                pairs = zip(items[::2], items[1::2], strict=True)
                self._remove(keys[2], [f for f, seq in pairs if f in stored and int(stored[f]) <= int(seq)])
            case "append":
                for index, bucket, records in zip(items[::3], items[1::3], items[2::3], strict=True):
                    key = keys[int(index) - 1]
                    held = self.strings.get(key, b"") if bucket in self.hash(keys[3]) else b""
                    self.strings[key] = held + records
                    self._put(keys[3], {bucket: str(len(self.strings[key])).encode()})
            case "drop":
                for index, bucket in zip(items[::2], items[1::2], strict=True):
                    self.strings.pop(keys[int(index) - 1], None)
                    self._remove(keys[3], [bucket])

    def _put(self, key: str, fields: Hash) -> None:
        self.hashes.setdefault(key, {}).update(fields)

    def _remove(self, key: str, fields: Args) -> None:
        held = self.hashes.get(key, {})
        for field in fields:
            held.pop(field, None)
        if not held:
            self.hashes.pop(key, None)


def encoded(value: bytes | str | int) -> bytes:
    """A script's argument as the server sees it."""
    return value if isinstance(value, bytes) else str(value).encode()
