"""The judges of one model: rules, reference and budget brought together, made when first needed."""

from stream.model.catalog import Catalog
from stream.model.compiled import CompiledModel, PartName
from stream.model.reference import Reference
from stream.monitor.budget import Budget
from stream.monitor.config import MonitorConfig
from stream.monitor.drift_judge import DriftJudge
from stream.monitor.inputs_view import InputsView
from stream.monitor.memory import ScopeMemory
from stream.monitor.outcome_judge import OutcomeJudge
from stream.monitor.outcome_view import outcome_view
from stream.monitor.reference_index import ReferenceIndex
from stream.monitor.rules import Rules
from stream.monitor.scopes import watched_scopes
from stream.monitor.service_judge import TrafficView
from stream.monitor.streams import ALL_ROWS
from stream.timeline.windows import WindowScheme

_MIN_BLOCKS = 8


class ModelJudges:
    """Everything that decides on one revision of a model against one reference.

    Parameters
    ----------
    compiled, reference
        Without a reference nothing is judged against blocks; budgets of latency and errors need none.
    config
        Limits.
    """

    def __init__(self, compiled: CompiledModel, reference: Reference | None, config: MonitorConfig) -> None:
        self.compiled = compiled
        self.rules = Rules(compiled)
        self.scopes = watched_scopes(self.rules)
        self._config = config
        self.index = None if reference is None or compiled.learning else ReferenceIndex(reference, compiled)
        self.reference_id = "" if reference is None else reference.id
        segments = 1 if self.index is None else len(self.index.segments)
        self.budget = Budget(self.rules, segments, self._judged_windows())
        self._drift: dict[tuple[str, str], DriftJudge | None] = {}
        self._outcome: dict[tuple[str, str], OutcomeJudge] = {}
        self._traffic: dict[tuple[str, str], TrafficView | None] = {}

    @property
    def segments(self) -> list[str]:
        """Segments the reference knows, without all rows."""
        return [] if self.index is None else [segment for segment in self.index.segments if segment != ALL_ROWS]

    def bind(self, memory: ScopeMemory, part: PartName) -> bool:
        """Bind detectors of a part to the reference; whether they were run on rows counted otherwise."""
        trailing = self.compiled.definition.reference.trailing is not None
        return memory.bind(self.reference_id, self.compiled.layouts[part], trailing=trailing)

    def drift(self, segment: str, scheme: WindowScheme) -> DriftJudge | None:
        """Return the judge of a segment's inputs; None without a reference of that segment."""
        key = (segment, scheme.length)
        if key not in self._drift:
            self._drift[key] = self._make_drift(segment, scheme)
        return self._drift[key]

    def outcome(self, segment: str, scheme: WindowScheme) -> OutcomeJudge:
        """Return the judge of a segment's outcomes."""
        key = (segment, scheme.length)
        if key not in self._outcome:
            known = self.index is not None and segment in self.index.segments
            view = (
                outcome_view(self.index, scheme, segment, self._config.labelled_min) if known and self.index else None
            )
            rules = [rule for rule in self.rules.outcomes if scheme.length in rule.windows]
            least = self._config.labelled_min, self._config.rows_min
            self._outcome[key] = OutcomeJudge(view, rules, self.budget, *least)
        return self._outcome[key]

    def traffic(self, segment: str, scheme: WindowScheme) -> TrafficView | None:
        """Return what traffic a segment had; None without a reference, or when nobody watches it in these windows."""
        key = (segment, scheme.length)
        if key not in self._traffic:
            watched = scheme.length in self.rules.traffic_windows
            known = self.index is not None and segment in self.index.segments
            self._traffic[key] = TrafficView(self.index, scheme, segment) if watched and known and self.index else None
        return self._traffic[key]

    def _make_drift(self, segment: str, scheme: WindowScheme) -> DriftJudge | None:
        if self.index is None or segment not in self.index.segments:
            return None
        attribute = segment.partition("=")[0]
        rules = {
            name: rule
            for name, rule in self.rules.drift.items()
            if scheme.length in rule.windows and not (segment and name == attribute)
        }
        view = InputsView(self.index, scheme, segment)
        return DriftJudge(view, rules, self.budget, self._config.rows_min)

    def _judged_windows(self) -> int:
        """Return how many window lengths have blocks enough: the others report, and spend nothing."""
        if self.index is None:
            return 1
        schemes = {scheme.length: scheme for windows in self.compiled.windows.values() for scheme in windows}
        read = {*self.compiled.definition.windows, *(w for rule in self.rules.drift.values() for w in rule.windows)}
        read |= {window for rule in self.rules.outcomes for window in rule.windows}
        return sum(len(self.index.blocks(schemes[length])) >= _MIN_BLOCKS for length in read if length in schemes) or 1


class Judges:
    """Judges by model, made again when the definition or the reference changes; the last two of each are kept."""

    def __init__(self, catalog: Catalog, config: MonitorConfig) -> None:
        self.catalog = catalog
        self._config = config
        self._made: dict[str, list[ModelJudges]] = {}
        self._rules: dict[str, list[tuple[CompiledModel, Rules]]] = {}

    def revisions(self, model: str) -> list[tuple[CompiledModel, Rules]]:
        """Return a model's revisions, by `effective_from_ms`, with their rules."""
        revisions = self.catalog.revisions(model) or (self.catalog.compiled_for(model, 0),)
        known = self._rules.get(model, [])
        if [id(compiled) for compiled, _ in known] != [*map(id, revisions)]:
            known = self._rules[model] = [(compiled, Rules(compiled)) for compiled in revisions]
        return known

    def of(self, compiled: CompiledModel, instant_ms: int) -> ModelJudges:
        """Return the judges of a revision with the reference in force at an instant."""
        reference = self.catalog.reference_for(compiled.model, instant_ms)
        wanted = (compiled.revision, "" if reference is None else reference.id)
        made = self._made.setdefault(compiled.model, [])
        for judges in made:
            if (judges.compiled.revision, judges.reference_id) == wanted:
                return judges
        judges = ModelJudges(compiled, reference, self._config)
        self._made[compiled.model] = [judges, *made[:1]]
        return judges
