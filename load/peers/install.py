"""An environment for each framework, made on first use from its pinned requirements."""

import hashlib
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).parent
ENVIRONMENTS = HERE.parents[1] / ".cache" / "peers"
INSTALL_SECONDS = 240
_STAMP = ".installed"


class PeerError(Exception):
    """An environment could not be made; the text says why."""


def python_of(peer: str) -> Path:
    """Return the interpreter of a peer's environment, whether it exists or not."""
    return ENVIRONMENTS / peer / "bin" / "python"


def installed(peer: str) -> bool:
    """Whether the environment is there, with the requirements as they are now."""
    stamp = ENVIRONMENTS / peer / _STAMP
    return stamp.exists() and stamp.read_text(encoding="ascii") == _hash(peer)


def install(peer: str) -> Path:
    """Make the environment if need be; returns its interpreter.

    Raises
    ------
    PeerError
        When pip could not install it; with pip's last line.
    """
    if installed(peer):
        return python_of(peer)
    sys.stderr.write(f"installing {peer} into {ENVIRONMENTS / peer}\n")
    venv.create(ENVIRONMENTS / peer, with_pip=True, clear=True)
    command = [str(python_of(peer)), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"]
    try:
        done = subprocess.run(
            [*command, str(_requirements(peer))], capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise PeerError(f"pip took longer than {INSTALL_SECONDS} s") from error
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        raise PeerError(f"pip: {lines[-1] if lines else 'failed without a word'}")
    (ENVIRONMENTS / peer / _STAMP).write_text(_hash(peer), encoding="ascii")
    return python_of(peer)


def version_of(peer: str) -> str:
    """Return the framework's own requirement, as `name version`."""
    first = _requirements(peer).read_text(encoding="ascii").splitlines()[0]
    return first.replace("==", " ")


def _requirements(peer: str) -> Path:
    return HERE / peer / "requirements.txt"


def _hash(peer: str) -> str:
    return hashlib.sha256(_requirements(peer).read_bytes() + sys.version.encode()).hexdigest()
