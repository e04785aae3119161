"""Asking a Redis whether it is there, once."""

from redis.exceptions import AuthenticationError, RedisError, ResponseError

from stream.checkpoint import connect
from stream.errors import ConfigurationError, UnreachableError


def require_store(url: str) -> None:
    """Ask Redis once, for 2 s at most.

    Raises
    ------
    ConfigurationError
        When the address is malformed, or it refuses user, password or database.
    UnreachableError
        When it does not answer.
    """
    try:
        store = connect(url)
    except ValueError as error:
        raise ConfigurationError(f"redis.url: {error}") from error
    try:
        store.ping()
    except (AuthenticationError, ResponseError) as error:
        raise ConfigurationError(
            f"Redis refuses us ({error}); check user, password and database in redis.url"
        ) from error
    except (RedisError, OSError) as error:
        raise UnreachableError(f"Redis did not answer ({error}); check redis.url") from error
    finally:
        store.close()
