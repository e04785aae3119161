"""Asking a Redis whether it is there, once, and whether it will keep what it is given."""

import logging
from typing import Final

from redis.exceptions import AuthenticationError, RedisError, ResponseError

from stream.checkpoint import connect
from stream.checkpoint.retry import is_curable
from stream.errors import ConfigurationError, UnreachableError
from stream.store.durability import examine

_LOG: Final = logging.getLogger(__name__)


def require_store(url: str) -> None:
    """Ask Redis once, for 2 s at most.

    Raises
    ------
    ConfigurationError
        When the address is malformed, or it refuses user, password or database.
    UnreachableError
        When it does not answer, or says that it cannot serve now.
    """
    try:
        store = connect(url)
    except ValueError as error:
        raise ConfigurationError(f"redis.url: {error}") from error
    try:
        store.execute_command("PING")
    except (AuthenticationError, ResponseError) as error:
        if is_curable(error):  # a failing disk refuses even PING; a worker that runs waits for the same
            raise UnreachableError(f"Redis takes no commands now ({error}); mend that and try again") from error
        raise ConfigurationError(
            f"Redis refuses us ({error}); check user, password and database in redis.url"
        ) from error
    except (RedisError, OSError) as error:
        raise unreachable(error) from error
    finally:
        store.close()


def unreachable(error: Exception) -> UnreachableError:
    """Return what to tell of a Redis that went away."""
    return UnreachableError(f"Redis did not answer ({error}); check redis.url")


def warn_of_settings(url: str) -> None:
    """Say in the log which settings of Redis endanger the state, or that it does not show them; never raises for them.

    Raises as redis-py does when the server goes away meanwhile.
    """
    store = connect(url)
    try:
        findings = list(examine(store))
    finally:
        store.close()
    for finding in findings:
        if not finding.fine:
            _LOG.warning("%s: %s", finding.what, finding.advice)
    if hidden := sorted({finding.requirement.name for finding in findings if finding.found is None}):
        _LOG.warning("Redis does not show %s: see that they are as `tidegauge doctor` says", ", ".join(hidden))
