"""Final panes go where windows find them."""

from stream.model.catalog import Catalog
from stream.monitor.service_spans import span_panes
from stream.monitor.state import MonitorState
from stream.parts.keys import PartKey
from stream.parts.service import ServicePart

_FIRST_OF = {"inputs": "inputs", "sample": "inputs", "service": "service"}


def take_final(state: MonitorState, catalog: Catalog) -> None:
    """Move every part that became final from the shards' snapshots to the panes, and note each model's beginning."""
    for key, part in state.incoming.close(state.watermarks):
        if isinstance(part, ServicePart):
            state.service.add(key, part, span_panes(catalog.compiled_for(key.model, key.pane_start_ms)))
        else:
            state.panes.add(key, part)
        _note_first(state, key)
    state.service.flush()


def _note_first(state: MonitorState, key: PartKey) -> None:
    name = _FIRST_OF.get(key.part)
    progress = state.progress_of(key.model)
    if name is not None and key.pane_start_ms < progress.first_ms.get(name, key.pane_end_ms):
        progress.first_ms[name] = key.pane_start_ms
        progress.store(state.fields, key.model)
