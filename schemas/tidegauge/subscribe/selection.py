"""Which alerts a subscriber wants, and which it has seen: pure, no Kafka."""

from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass
from fnmatch import fnmatchcase

from tidegauge.alerts import KINDS, SEVERITIES, Alert, AlertKind, Severity

EVERY_MODEL = "*"


@dataclass(frozen=True, slots=True)
class Selection:
    """Alerts of models that match the glob `model`, of at least `min_severity`, of one of `kinds` (empty: of any).

    An alert of the model `*` concerns every model: the watcher itself is in trouble.
    """

    model: str = "*"
    min_severity: Severity = "info"
    kinds: Collection[AlertKind] = ()

    def __post_init__(self) -> None:
        if self.min_severity not in SEVERITIES:
            raise ValueError(f"min_severity must be one of {', '.join(SEVERITIES)}, not {self.min_severity!r}")
        if not set(self.kinds) <= set(KINDS):  # a monitor's name, "drift" say: nothing would ever come
            raise ValueError(f"kinds must be some of {', '.join(KINDS)}, not {self.kinds!r}")

    def concerns(self, alert: Alert) -> bool:
        """Whether model and kind match."""
        mine = alert.model == EVERY_MODEL or fnmatchcase(alert.model, self.model)
        return mine and (not self.kinds or alert.kind in self.kinds)

    def is_severe(self, alert: Alert) -> bool:
        """Whether the alert is severe enough, or was."""
        return SEVERITIES.index(alert.worst or alert.severity) >= SEVERITIES.index(self.min_severity)


class Inbox:
    """Decides on each transition of an alert whether it is handed out.

    Repeats and lower `seq` never are. Once a transition was severe enough, those that follow are handed out whatever
    their severity: who was told that an alert fires is told how it ends. Keeps the `limit` alerts used last; O(1) each.
    """

    def __init__(self, selection: Selection, limit: int) -> None:
        self._selection = selection
        self._limit = limit
        self._known: OrderedDict[str, tuple[int, bool]] = OrderedDict()  # alert_id -> highest seq, whether told

    def admits(self, alert: Alert) -> bool:
        """Take note of a transition; true when it is to be handed out."""
        if not self._selection.concerns(alert):
            return False
        highest, told = self._known.get(alert.alert_id, (-1, False))
        if alert.seq <= highest:
            return False
        told = told or self._selection.is_severe(alert)
        self._known[alert.alert_id] = (alert.seq, told)
        self._known.move_to_end(alert.alert_id)
        if len(self._known) > self._limit:
            self._known.popitem(last=False)
        return told

    def __len__(self) -> int:
        return len(self._known)
