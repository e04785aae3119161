"""What a refusal of Redis means before a worker starts."""

import pytest
from redis import exceptions

from stream.errors import ConfigurationError, TidegaugeError, UnreachableError
from stream.store import reach

REFUSALS = [
    (exceptions.ResponseError("MISCONF Redis is configured to save RDB snapshots"), UnreachableError, "MISCONF"),
    (exceptions.ResponseError("BUSY Redis is busy running a script"), UnreachableError, "BUSY"),
    (exceptions.ConnectionError("refused"), UnreachableError, "did not answer"),
    (exceptions.AuthenticationError("WRONGPASS"), ConfigurationError, "check user, password"),
    (exceptions.ResponseError("DB index is out of range"), ConfigurationError, "check user, password"),
]


class Refusing:
    def __init__(self, error: Exception) -> None:
        self.error = error

    def execute_command(self, *_: object) -> None:
        raise self.error

    def close(self) -> None:
        """Holds nothing."""


@pytest.mark.parametrize(("error", "told", "says"), REFUSALS)
def test_what_time_can_cure_is_no_wrong_setting(
    monkeypatch: pytest.MonkeyPatch, error: Exception, told: type[TidegaugeError], says: str
) -> None:
    monkeypatch.setattr(reach, "connect", lambda _: Refusing(error))
    with pytest.raises(told, match=says):
        reach.require_store("redis://x")
