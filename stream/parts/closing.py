"""When the first of some parts may close: one comparison a turn of the loop, in place of one a part."""

from dataclasses import dataclass
from typing import Final

from stream.parts.keys import PartKey

NEVER_MS: Final = 1 << 62


@dataclass(slots=True)
class FirstClose:
    """Least instants of some on-time parts; late ones never close.

    Attributes
    ----------
    rows_ms
        Least end of a pane that is complete once the predictions' watermark reaches it.
    pane_ms, judged_ms
        Of outcomes: least end of a pane, and of the age that labels of it may have; both watermarks must be there.
    """

    rows_ms: int = NEVER_MS
    pane_ms: int = NEVER_MS
    judged_ms: int = NEVER_MS

    def note(self, key: PartKey) -> None:
        """Take a part in."""
        if not key.on_time:
            return
        if key.part == "outcome":
            self.note_outcomes(key.pane_end_ms, key.pane_end_ms + key.age_ms)
        else:
            self.note_rows(key.pane_end_ms)

    def note_rows(self, end_ms: int) -> None:
        """Take in a pane of predictions."""
        self.rows_ms = min(self.rows_ms, end_ms)

    def note_outcomes(self, end_ms: int, judged_ms: int) -> None:
        """Take in a pane of outcomes."""
        self.pane_ms = min(self.pane_ms, end_ms)
        self.judged_ms = min(self.judged_ms, judged_ms)

    def reached(self, predictions_ms: int, labels_ms: int) -> bool:
        """Whether a part may have closed by these watermarks; if not, none has."""
        return predictions_ms >= self.rows_ms or (predictions_ms >= self.pane_ms and labels_ms >= self.judged_ms)
