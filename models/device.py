"""The machine that models compute on: starting torch gently, how much memory there is, what the device is called.

torch is imported inside the functions, on the thread that calls them: a window is painted before this is.
"""

from __future__ import annotations

import ctypes
import gc
import importlib.util
import os
import platform
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# The libraries of torch that take longest to map and relocate. Mapping them through a foreign call keeps other threads
# running; `import torch` would hold the interpreter for all of it (half a second in which no window answers).
LARGE_LIBRARIES = ("libtorch_cpu.so", "libtorch_python.so")

# What glibc's allocator is told, by the numbers of its options in malloc.h: blocks up to 32 MiB (the most it takes) come from
# the heap, and 128 MiB of that are kept when they are free. By default every layer's result was new memory, whose pages the
# system fills with zeros first: 5 to 9 % of the time of an upscaler.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_KEPT, _FROM_HEAP = 128 << 20, 32 << 20


@dataclass(frozen=True)
class Memory:
    """Bytes of memory a device has, and how many are free now."""

    total: int
    free: int


def map_libraries() -> None:
    """Map torch's large libraries without holding up other Python threads (Linux; elsewhere this does nothing).

    Imports nothing. A library that cannot be mapped here is left to `import torch`, which says what is wrong with it.
    """
    if not sys.platform.startswith("linux") or "torch" in sys.modules:
        return
    spec = importlib.util.find_spec("torch")
    if spec is None or spec.origin is None:
        return
    dlopen = ctypes.CDLL(None).dlopen
    dlopen.restype, dlopen.argtypes = ctypes.c_void_p, [ctypes.c_char_p, ctypes.c_int]
    for name in LARGE_LIBRARIES:
        path = Path(spec.origin).parent / "lib" / name
        if path.is_file():
            dlopen(os.fsencode(path), os.RTLD_NOW | os.RTLD_GLOBAL)


def start(threads: int | None = None) -> None:
    """Import torch on this thread and set how many processor threads it uses (None: as many as it likes).

    OpenMP's threads then wait for each other asleep, unless the environment says otherwise: by default they wait busily, and
    where other programs want the processor too that made a picture 3 to 13 times slower (two threads, load 6).
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # read when torch's libraries are mapped
    keep_pages()
    if "torch" not in sys.modules:
        map_libraries()
        _import_uncollected()
    import torch

    if threads is not None:
        torch.set_num_threads(threads)


def keep_pages() -> bool:
    """Let freed memory be used again before the system gets it back (glibc; elsewhere this does nothing and says False)."""
    mallopt = getattr(_c_library(), "mallopt", None)
    if mallopt is None:
        return False
    return bool(mallopt(_M_MMAP_THRESHOLD, _FROM_HEAP)) and bool(mallopt(_M_TRIM_THRESHOLD, _KEPT))


def _c_library() -> ctypes.CDLL | None:
    return ctypes.CDLL(None) if sys.platform.startswith("linux") else None


def _import_uncollected() -> None:
    """Import torch without looking for garbage meanwhile, and never look among what it made: it has 170,000 objects that stay.

    A full collection of them holds up every thread for 0.1 to 0.2 s, once in the import and again every few minutes.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        import torch  # noqa: F401
    finally:
        gc.freeze()
        if collects:
            gc.enable()


def chosen(name: str | None) -> str:
    """The device of this name, or the best one where nobody chose: "cuda", "mps", "cpu". `BadInput` where there is none."""
    from models.precision import device_named

    return str(device_named(name))


def cuda_devices() -> int:
    """How many CUDA devices torch can use here. Imports torch only where the system has a driver for them."""
    if not any(Path(place).exists() for place in _DRIVERS):
        return 0
    import torch

    return int(torch.cuda.device_count()) if torch.cuda.is_available() else 0


# Where NVIDIA's driver shows itself: Linux, WSL, Windows.
_DRIVERS = ("/proc/driver/nvidia", "/dev/dxg", r"C:\Windows\System32\nvcuda.dll")


def name(device: str) -> str:
    """What the device is called, for a person: "NVIDIA H100", "AMD EPYC 7763 (8 threads)"."""
    import torch

    if device.startswith("cuda"):
        return str(torch.cuda.get_device_name(device))
    if device == "mps":
        return "Apple GPU"
    return f"{_processor()} ({torch.get_num_threads()} threads)"


def memory(device: str) -> Memory:
    """Memory of a device. The processor's is what the system lets a program have without swapping."""
    if device.startswith("cuda"):
        import torch

        free, total = torch.cuda.mem_get_info(device)
        return Memory(int(total), int(free))
    return _system_memory()


def give_back() -> None:
    """Return memory of dropped models and cached blocks to the device."""
    import torch

    if gc.isenabled():  # While a window is open the collector is off, and belongs to the window's thread.
        gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    if torch.backends.mps.is_available():
        torch.mps.empty_cache()
    trim = getattr(_c_library(), "malloc_trim", None)
    if trim is not None:
        trim(0)


def _processor(listing: Path = Path("/proc/cpuinfo")) -> str:
    try:
        for line in listing.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _system_memory() -> Memory:
    if sys.platform == "win32":
        return _windows_memory()
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = _limit_of_group()
    total = min(total, limit.total) if limit else total
    free = total  # macOS compresses and gives back by itself and has no figure that means more.
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                free = 1024 * int(line.split()[1])
    except OSError:
        pass
    return Memory(total, min(free, limit.free if limit else free))


def _limit_of_group(group: Path = Path("/sys/fs/cgroup")) -> Memory | None:
    """The limit of a container (cgroup version 2), where there is one: going beyond it gets the program killed."""
    try:
        limit = (group / "memory.max").read_text(encoding="ascii").strip()
        used = int((group / "memory.current").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
    return None if limit == "max" else Memory(int(limit), max(0, int(limit) - used))


def _windows_memory() -> Memory:
    class Status(ctypes.Structure):
        # MEMORYSTATUSEX of the Windows API: two 32-bit and seven 64-bit fields.
        _fields_ = [
            ("length", ctypes.c_uint32),
            ("load", ctypes.c_uint32),
            ("total", ctypes.c_uint64),
            ("free", ctypes.c_uint64),
            ("others", ctypes.c_uint64 * 5),
        ]

    status = Status()
    status.length = ctypes.sizeof(Status)
    kernel: Any = ctypes.WinDLL("kernel32")  # type: ignore[attr-defined]
    kernel.GlobalMemoryStatusEx(ctypes.byref(status))
    return Memory(int(status.total), int(status.free))
