"""`tidegauge doctor` on real servers: what it says of the two things that decide how a fault ends."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from stream.cli.main import app

pytestmark = pytest.mark.integration


def test_it_tells_after_how_long_a_killed_worker_is_missed(bootstrap: str, real_redis_url: str, tmp_path: Path) -> None:
    config = tmp_path / "tidegauge.yaml"

    def said(protocol: str) -> str:
        config.write_text(
            f"prefix: nowhere.\nredis: {{url: '{real_redis_url}'}}\n"
            f"kafka: {{bootstrap.servers: '{bootstrap}', group.protocol: {protocol}}}\n"
        )
        result = CliRunner().invoke(app, ["doctor", "-c", str(config)])
        assert result.exit_code == 3  # the topics are missing
        return result.output

    assert "ok       a killed worker is missed after 6 s (classic group protocol)" in said("classic")
    output = said("consumer")
    assert "ok       a killed worker is missed after 45 s (group.consumer.session.timeout.ms of the broker)" in output
    assert "its floor group.consumer.min.session.timeout.ms (now 6 s)" in output
    assert "ok       Redis maxmemory-policy is noeviction" in output
    assert "ok       Redis appendonly is yes" in output
    assert "ok       Redis appendfsync is always" in output
