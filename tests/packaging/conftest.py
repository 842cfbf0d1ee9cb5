"""The modules of packaging/ are programs beside each other, not a package: tests find them by their folder."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "packaging"))
