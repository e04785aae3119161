"""What became of every row: counted in state, so that the sums hold across crashes."""

from collections import Counter
from collections.abc import Iterable

import msgspec


class TopicCounts(msgspec.Struct, array_like=True):
    """One topic of one shard. Invariant: rows = accepted + sum of `dead` + sum of `dropped`.

    `messages` + `gaps` are the offsets consumed; `late` rows are accepted, but apart; `noted` counts values taken as
    missing or names folded into `__other__`; `repeated` messages had been read before and were skipped.
    """

    messages: int = 0
    gaps: int = 0
    repeated: int = 0
    watermarks: int = 0
    rows: int = 0
    accepted: int = 0
    late: int = 0
    clamped: int = 0
    dead: dict[str, int] = {}
    dropped: dict[str, int] = {}
    noted: dict[str, int] = {}

    def bury(self, reasons: Iterable[str]) -> None:
        """Count dead letters by reason; each is a row."""
        for reason in reasons:
            self.dead[reason] = self.dead.get(reason, 0) + 1
            self.rows += 1

    def drop(self, reason: str, rows: int) -> None:
        """Count rows that a rule leaves out."""
        if rows:
            self.dropped[reason] = self.dropped.get(reason, 0) + rows

    def note(self, noted: Counter[str]) -> None:
        """Count values that were taken as missing."""
        for reason, count in (+noted).items():
            self.noted[reason] = self.noted.get(reason, 0) + count

    def copied(self) -> "TopicCounts":
        """Return a copy that stays as it is."""
        return msgspec.structs.replace(self, dead=dict(self.dead), dropped=dict(self.dropped), noted=dict(self.noted))

    def balanced(self) -> bool:
        """Whether every row is accounted for."""
        return self.rows == self.accepted + sum(self.dead.values()) + sum(self.dropped.values())
