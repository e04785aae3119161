"""Resident memory of a process, as Linux counts it now."""

import os
from pathlib import Path


def resident_bytes(pid: int | str = "self") -> int:
    """Return it; FileNotFoundError or ProcessLookupError when the process has ended."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
