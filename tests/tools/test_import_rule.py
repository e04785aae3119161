import subprocess
import sys
from pathlib import Path

RULE = Path(__file__).parents[2] / "tools" / "import_rule.py"


def run(root: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, str(RULE), str(root)], capture_output=True, text=True, check=False)


def test_arrows_that_point_back_are_found(tmp_path: Path) -> None:
    sources = {
        "detectors/a.py": "import stream.config",
        "detectors/b.py": "def f():\n    from tidegauge import Alert",
        "schemas/tidegauge/c.py": "import detectors",
        "stream/monitor/d.py": "from redis import Redis",
        "stream/app/e.py": "from redis import Redis\nimport detectors, tidegauge",
    }
    for name, text in sources.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    result = run(tmp_path)
    assert result.returncode == 1
    assert {line.split(":")[0] for line in result.stderr.splitlines()} == set(sources) - {"stream/app/e.py"}


def test_this_repository_keeps_the_rule() -> None:
    result = run(RULE.parents[1])
    assert (result.returncode, result.stderr) == (0, "")
