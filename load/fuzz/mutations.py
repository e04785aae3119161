"""Ways to spoil a message: its bytes, or its members."""

import json
import random
from collections.abc import Callable
from typing import Any, Final

from load.fuzz.samples import Event, encode

NUMBERS: Final = (
    b"1e400", b"-1e400", b"1e308", b"1e-400", b"0.1e1", b"-0", b"NaN", b"Infinity", b"9223372036854775808",
    b"-9223372036854775809", b"18446744073709551616", b"9" * 400, b"1" * 5_000, b"00", b"1.", b".5", b"0x10", b"1e",
)  # fmt: skip
STRANGE: Final[tuple[Any, ...]] = (
    None, True, False, 0, -1, 1.5, 1e308, -1e308, 10**30, -(10**30), 2**53, 2**63, 253_402_300_800_000, "", "a",
    "x" * 256, "x" * 70_000, "a\x00b", "\x00", "\ud800", "\udfff\ud800", "\u202e", "é", "__other__", "__score__",
    "a|b=c", "nan", [], {}, [None], [[]], [1.5, None], [float("nan")], {"": None}, {"a": {"b": []}}, {"type": "batch"},
    [0.5] * 600,
)  # fmt: skip
TYPES: Final[tuple[Any, ...]] = (
    "batch", "watermark", "feedback", "label", "prediction", "", "Batch", "batch ", "x" * 300, None, 0, [], {}, "\x00",
)  # fmt: skip
BYTES: Final = (
    b"\x00",
    b"\xff",
    b"\xfe\xff",
    b"\xef\xbb\xbf",
    b"\xc0\x80",
    b"\xed\xa0\x80",
    b"\\u0000",
    b"\\ud800",
    b'"',
    b"{",
    b"}",
)

Spoil = Callable[[random.Random, Event], bytes]


def flip(rng: random.Random, event: Event) -> bytes:
    """Change some bits."""
    raw = bytearray(encode(event))
    for _ in range(rng.choice((1, 1, 2, 8))):
        raw[rng.randrange(len(raw))] ^= 1 << rng.randrange(8)
    return bytes(raw)


def cut(rng: random.Random, event: Event) -> bytes:
    """Leave out the end, the beginning, or some of the middle."""
    raw = encode(event)
    first, last = sorted((rng.randrange(len(raw) + 1), rng.randrange(len(raw) + 1)))
    return rng.choice((raw[:first], raw[last:], raw[:first] + raw[last:]))


def splice(rng: random.Random, event: Event) -> bytes:
    """Put bytes that mean trouble somewhere into it."""
    raw = encode(event)
    at = rng.randrange(len(raw) + 1)
    return raw[:at] + rng.choice(BYTES) + raw[at:]


def twice(rng: random.Random, event: Event) -> bytes:
    """Put a part of the message into it once more, or two messages into one."""
    raw = encode(event)
    first, last = sorted((rng.randrange(len(raw)), rng.randrange(len(raw))))
    at = rng.randrange(len(raw) + 1)
    return rng.choice((raw[:at] + raw[first:last] + raw[at:], raw + raw, raw + b"\n" + raw))


def renumber(rng: random.Random, event: Event) -> bytes:
    """Write a number that JSON, or a machine, cannot hold."""
    raw = encode({**event, _name(rng, event): "@"})
    return raw.replace(b'"@"', rng.choice(NUMBERS))


def deepen(rng: random.Random, event: Event) -> bytes:
    """Nest a member."""
    depth = rng.choice((2, 50, 900, 1_100, 20_000))
    opening, closing = rng.choice(((b"[", b"]"), (b'{"a":', b"}")))
    raw = encode({**event, rng.choice((_name(rng, event), "more")): "@"})
    return raw.replace(b'"@"', opening * depth + b"1" * rng.randrange(2) + closing * (depth - rng.randrange(2)))


def retype(rng: random.Random, event: Event) -> bytes:
    """Give a member, or one inside it, a value it was not made for."""
    changed = dict(event)
    name = _name(rng, changed)
    inner = changed.get(name)
    if isinstance(inner, dict) and inner and rng.random() < 0.5:
        changed[name] = {**inner, rng.choice([*inner, "", "new"]): rng.choice(STRANGE)}
    elif isinstance(inner, list) and inner and rng.random() < 0.5:
        at = rng.randrange(len(inner))
        changed[name] = [*inner[:at], rng.choice(STRANGE), *inner[at + 1 :]]
    else:
        changed[name] = rng.choice(STRANGE)
    return encode(changed)


def leave_out(rng: random.Random, event: Event) -> bytes:
    """Drop a member, or add one that nobody knows."""
    changed = dict(event)
    changed.pop(_name(rng, event))
    if rng.random() < 0.3:
        changed[rng.choice(("unknown", "Model", "", "timestamp"))] = rng.choice(STRANGE)
    return encode(changed)


def repeat_key(rng: random.Random, event: Event) -> bytes:
    """Name a member twice, with two values."""
    key = json.dumps(_name(rng, event)).encode()
    return encode(event)[:-1] + b", " + key + b": " + encode({"v": rng.choice(STRANGE)})[6:]


def mistype(rng: random.Random, event: Event) -> bytes:
    """Say that it is another type of message."""
    return encode({**event, "type": rng.choice(TYPES)})


def rag(rng: random.Random, event: Event) -> bytes:
    """Make a column longer or shorter than the others."""
    columns = [name for name, value in event.items() if isinstance(value, list)]
    changed = dict(event)
    if columns:
        name = rng.choice(columns)
        changed[name] = rng.choice((event[name] + event[name][:1], event[name][:-1], [None], event[name] * 2))
    features = changed.get("features")
    if isinstance(features, dict) and rng.random() < 0.3:
        changed["features"] = {**features, "odd": [1.0] * rng.randrange(4)}
    return encode(changed)


def widen(rng: random.Random, event: Event) -> bytes:
    """Send many features, segments or signals, or very long names."""
    count = rng.choice((100, 511, 513, 3_000))
    name = rng.choice(("features", "segments", "signals", "probabilities"))
    value: Any = "v" if name == "segments" else 0.5
    wide = {f"n{i}": value for i in range(count)} if rng.random() < 0.7 else {"n" * 70_000: value}
    return encode({**event, name: wide})


def noise(rng: random.Random, _: Event) -> bytes:
    """Send random bytes, some of which begin like a message."""
    return rng.choice((b"", b"{", b'{"type":"batch",', b"[")) + rng.randbytes(rng.randrange(200))


def other_json(rng: random.Random, _: Event) -> bytes:
    """Send JSON that is no object, or an empty one."""
    return rng.choice(
        (b"null", b"{}", b"[]", b'""', b"0", b" ", b"true", b"[{}]", b'{"type":null}', b'{"type":"watermark"}')
    )


SPOILS: Final[tuple[Spoil, ...]] = (
    flip, cut, splice, twice, renumber, deepen, retype, retype, retype, leave_out, repeat_key, mistype, rag, widen,
    noise, other_json,
)  # fmt: skip


def _name(rng: random.Random, event: Event) -> str:
    return rng.choice(list(event))
