"""How much a shard's state is asked for at once."""

from typing import Any

import pytest

from stream.checkpoint.loading import PAGE_BYTES, PAGE_FIELDS, read_hash


def scan(fields: dict[bytes, bytes]) -> tuple[dict[bytes, bytes], list[int], list[int]]:
    """Read a hash from a Redis that gives as many fields as it is asked for; return it, and pages' fields and bytes."""
    names, counts, sizes = list(fields), list[int](), list[int]()
    steps, reply = read_hash("key"), None
    while True:
        try:
            _, _, cursor, _, count = steps.send(reply).args  # type: ignore[union-attr]  # a Read
        except StopIteration as end:
            return end.value, counts, sizes
        at, stop = int(cursor), int(cursor) + int(count)
        page = {name: fields[name] for name in names[at:stop]}
        counts.append(len(page))
        sizes.append(sum(map(len, page.values())))
        reply = [b"%d" % (stop if stop < len(names) else 0), page]


@pytest.mark.parametrize(("size", "pages"), [(10, 8), (10_000, 10), (250_000, 160), (900_000, 700)])
def test_a_page_of_large_fields_has_few_of_them(size: int, pages: int) -> None:
    value: Any = b"x" * size
    fields = {b"%d" % number: value for number in range(5_000)}
    found, counts, sizes = scan(fields)
    assert found == fields
    assert max(counts) <= PAGE_FIELDS
    assert max(sizes) <= max(PAGE_BYTES, 16 * size)
    assert len(counts) <= pages
