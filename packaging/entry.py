"""Where the frozen program starts: `ganvas`, with what only a frozen program needs seen to first."""

import multiprocessing
import os
import sys


def give_streams() -> None:
    """A windowed program of Windows has no streams at all (None): whatever is said goes nowhere instead of failing."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - stays open as long as the program


if __name__ == "__main__":
    multiprocessing.freeze_support()
    give_streams()
    from app.__main__ import main

    sys.exit(main())
