"""The monitor: profiles in, reports and alerts out; no Kafka, no Redis, no clock."""

from collections.abc import Generator, Iterator, Mapping, Sequence
from itertools import groupby

import msgspec

from stream.model.catalog import Catalog
from stream.monitor import watch
from stream.monitor.config import MonitorConfig
from stream.monitor.decisions import Decisions
from stream.monitor.intake import take_final
from stream.monitor.judges import Judges
from stream.monitor.keep_history import keep_history
from stream.monitor.learn import learn, reach_of
from stream.monitor.outputs import Output
from stream.monitor.pruning import prune
from stream.monitor.revisions import revise
from stream.monitor.schedule import Due
from stream.monitor.state import MonitorState
from stream.monitor.streams import field_name, parse_field_name
from stream.monitor.wakes import Wakes
from stream.parts.keys import PartKey
from tidegauge.alerts import Alert
from tidegauge.codec import decode_profiles
from tidegauge.profiles import WatermarkReport

_LATE = "late"


class MonitorCore:
    """One partition of the `profiles` topic: every shard's snapshots of the models whose key lies in it.

    Parameters
    ----------
    partition
        Its number, for messages; state does not depend on it.
    catalog
        Definitions and references in force.
    config
        Limits.

    Notes
    -----
    Every decision is made once, at a fixed instant of event time, from what can no longer change by then: so neither
    repeats, nor the order of messages among shards, nor a restart from stored fields changes an alert. Alerts of one
    family (inputs and service; outcomes) come in the order of their instants. A model-day with 15 features, 4 segments
    and 2 windows costs some 100 ms.

    Examples
    --------
    The owner applies messages, then decides, then writes what changed and the input's offset in one call, then
    publishes what the outbox holds::

        core.apply(message.value)
        core.advance()
        commit(core.dirty_fields(), offset)
        for number, output in core.pending():
            publish(output, then=lambda: core.delivered(number))
    """

    def __init__(self, partition: int, catalog: Catalog, config: MonitorConfig | None = None) -> None:
        self.partition = partition
        self._config = config or MonitorConfig()
        self._state = MonitorState()
        self._judges = Judges(catalog, self._config)
        self._late: set[PartKey] = set()
        self._wakes = Wakes()

    def apply(self, message: bytes) -> None:
        """Take in one message of the `profiles` topic.

        Raises
        ------
        tidegauge.errors.DecodeError
            For bytes that are no such message; nothing has changed.
        """
        decoded = decode_profiles(message)
        if isinstance(decoded, WatermarkReport):
            self._state.watermarks.apply(decoded)
            return
        for profile in decoded.profiles:
            if self._state.told.lacks(profile.pane_start_ms):
                continue
            late = self._state.incoming.apply(profile, self._state.watermarks)
            if late is not None:
                self._late.add(late)
                self._state.fields.put(field_name(_LATE, *late), b"\x01")

    def set_catalog(self, catalog: Catalog) -> None:
        """Go on with other definitions and references; each says from which event time on it holds."""
        self._judges.catalog = catalog
        self._wakes.wake_all()

    def advance(self) -> list[Output]:
        """Decide everything that is due, and return it in order; the same outputs stand in the outbox.

        What goes to `history` stands in the outbox only. Decides nothing while the outbox is full: Kafka must come back
        first.
        """
        return [output for outputs in self.steps() for output in outputs]

    def steps(self) -> Iterator[list[Output]]:
        """Do as `advance` does, a decision at a time, so that whoever else waits can have a turn in between.

        Yields nothing but empty lists until everything is decided, then what came of it. Until then the core is in
        the middle of things: nothing else may be called but `pending` and `delivered`, and its fields must not be
        written.
        """
        if len(self._state.outbox) >= self._config.max_outbox:
            return
        # What is learnt in this round may let decisions reach further than they have been made.
        reached = self._reached()
        take_final(self._state, self._judges.catalog)
        outputs, decided, models = yield from self._decide()
        while (learned := learn(self._state, self._judges)) is not None:
            more, later, others = yield from self._decide()
            outputs += [*learned, *more]
            decided += later
            models += others
        for report in revise(self._state, self._judges, self._take_late(), decided):
            outputs.append(report)
            yield []
        outputs = [*(output for output in outputs if not self._state.told.has(output)), *self._settle(reached)]
        prune(self._state, self._judges, dict.fromkeys(models), self._config.retention_ms)
        self._send([*outputs, *keep_history(self._state, self._judges)])
        yield outputs

    def watch(self, now_ms: int) -> list[Output]:
        """Tell of what the wall clock shows: shards that nobody owns, silence, what was lost; the outbox holds it too.

        To be called every few seconds, once everything that was in the topic at the start has been applied.
        """
        state = self._state
        for version, notes in state.watch.look(state.watermarks, self.partition, now_ms, self._config).items():
            state.alerts.hold(watch.alert_key(version), "watch", watch.firing(notes))
        outputs: list[Output] = [watch.tell(told) for told in state.alerts.settle(watch.EVERY_MODEL, now_ms)]
        self._send(outputs)
        return outputs

    def lose(self, text: str, now_ms: int) -> None:
        """Note what this partition goes on without; `watch` tells of it."""
        self._state.watch.lose(text, now_ms)

    @property
    def unowned(self) -> frozenset[int]:
        """Shards that nobody reports."""
        return self._state.watch.unowned

    def pending(self) -> list[tuple[int, Output]]:
        """Return the outputs not yet delivered, numbered, oldest first."""
        return self._state.outbox.pending()

    def delivered(self, number: int) -> None:
        """Forget an output that Kafka has acknowledged."""
        self._state.outbox.delivered(number)

    def dirty_fields(self) -> dict[bytes, bytes | None]:
        """Return the fields that changed since the last call, None for one that is gone; the caller writes them."""
        return self._state.fields.take()

    def load(self, fields: Mapping[bytes, bytes]) -> None:
        """Put stored fields back; for a new core only.

        Raises
        ------
        ValueError
            For a field of no known kind.
        """
        late = {field for field in fields if parse_field_name(field)[0] == _LATE}
        self._state.load({field: value for field, value in fields.items() if field not in late})
        self._late = {msgspec.convert(parse_field_name(field)[1], PartKey) for field in late}

    def check(self) -> None:
        """Decode what `load` has left for when it is used.

        Raises
        ------
        detectors.errors.SnapshotError
            For a part that cannot be read.
        """
        self._state.incoming.check()
        self._state.panes.check()

    def _decide(self) -> Generator[list[Output], None, tuple[list[Output], list[Due], list[str]]]:
        """Decide what is due, up to what must be learnt first; returns outputs, windows decided, models looked at."""
        decisions = Decisions(self._state, self._judges, self._config, self._wakes)
        due = decisions.due()
        for (instant_ms, _, model), items in groupby(due, key=lambda item: item.order[:3]):
            decisions.decide(model, instant_ms, list(items))
            yield []
        return decisions.outputs, [item for item in due if isinstance(item, Due)], decisions.models

    def _reached(self) -> dict[str, int]:
        """Return by model up to which instant everything is decided by the end of this round; {} when nobody asks."""
        marks, told = self._state.watermarks, self._state.told.models
        reach = {model: reach_of(self._state, self._judges, model) for model in told if model in self._state.progress}
        return {model: min(marks.predictions_ms, marks.outcomes_ms, *limits) for model, limits in reach.items()}

    def _settle(self, reached: Mapping[str, int]) -> Iterator[Alert]:
        """End what was told as firing before the state was rebuilt, and does not fire now."""
        for model, reached_ms in sorted(reached.items()):
            yield from self._state.told.settle(model, reached_ms, self._state.alerts)

    def _send(self, outputs: Sequence[Output]) -> None:
        for output in outputs:
            self._state.outbox.add(output)
        if outputs:
            self._state.keep_outbox()

    def _take_late(self) -> set[PartKey]:
        taken, self._late = self._late, set()
        for key in taken:
            self._state.fields.delete(field_name(_LATE, *key))
        return taken
