"""Chaos: real servers, real workers, a seeded sequence of faults, and every number checked against a recomputation.

`make chaos SEEDS=1..30 SECONDS=40` runs it; `make chaos-control SEEDS=1..5` runs the same with a worker whose
checkpoint does not carry the offset, which must fail. In the order in which a run goes: `plan` (what will happen),
`traffic` (what is sent), `servers` and `installation` (what it happens to), `service` (who sends), `faults` (what goes
wrong), `watch` (what the store shows meanwhile), `topics` (the log read back), `oracle` (what must have come out of
it), `checks` (what did).
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))  # the servers are those of the integration tests
