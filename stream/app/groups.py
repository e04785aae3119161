"""The two consumer groups of an installation."""

from stream.config import Settings


def groups(settings: Settings) -> tuple[str, str]:
    """Return the consumer groups of profiler and monitor; both carry the prefix, so that installations do not mix."""
    group = f"{settings.prefix}{settings.group}"
    return group, f"{group}-monitor"
