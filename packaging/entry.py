"""Where the frozen program starts: `ganvas`, with what only a frozen program needs seen to first."""

import multiprocessing
import os
import sys


def give_streams() -> None:
    """A windowed program of Windows has no streams at all (None): whatever is said goes nowhere instead of failing."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - stays open as long as the program


def give_back_library_path() -> None:
    """The start program makes this process find its libraries by LD_LIBRARY_PATH; programs that it starts in turn (pip, ffmpeg)
    are to find those they were made for."""
    mine = os.environ.pop("LD_LIBRARY_PATH", None)
    before = os.environ.pop("LD_LIBRARY_PATH_ORIG", None)
    if mine is not None and before:
        os.environ["LD_LIBRARY_PATH"] = before


if __name__ == "__main__":
    multiprocessing.freeze_support()
    give_streams()
    if getattr(sys, "frozen", False):
        give_back_library_path()
    from app.__main__ import main

    sys.exit(main())
