"""Put this folder's helpers (random logs, the oracle) on the path."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
