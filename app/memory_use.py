"""How much memory the program uses now."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys


def used() -> int | None:
    """Bytes of memory that are really in use (resident); None on systems that do not tell without further libraries."""
    if sys.platform.startswith("linux"):
        with contextlib.suppress(OSError), open("/proc/self/statm", "rb") as file:  # a bare container has no /proc
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    if sys.platform == "win32":
        return _windows()
    return None


def _windows() -> int | None:
    """`GetProcessMemoryInfo` of this process: its working set."""
    names = "PeakWorkingSetSize WorkingSetSize QuotaPeakPagedPoolUsage QuotaPagedPoolUsage QuotaPeakNonPagedPoolUsage "
    names += "QuotaNonPagedPoolUsage PagefileUsage PeakPagefileUsage"

    class Counters(ctypes.Structure):
        _fields_ = [
            ("cb", ctypes.c_ulong),
            ("PageFaultCount", ctypes.c_ulong),
            *((name, ctypes.c_size_t) for name in names.split()),
        ]

    counters = Counters()
    counters.cb = ctypes.sizeof(counters)
    kernel = getattr(ctypes, "windll").kernel32  # noqa: B009 (there is no such attribute elsewhere)
    process = ctypes.c_void_p(kernel.GetCurrentProcess())
    done = kernel.K32GetProcessMemoryInfo(process, ctypes.byref(counters), counters.cb)
    return int(counters.WorkingSetSize) if done else None
