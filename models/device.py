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

from models.allowance import GB, Allowance

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


# What a person left of a device's memory, in bytes, by `_key`. torch's allocators keep the same limits, and not all tell them.
_allowed: dict[str, int] = {}
_USUAL_OF_METAL = 1.7  # of what Metal recommends: the share that torch's allocator takes where nobody chose one


def memory(device: str) -> Memory:
    """Memory of a device, as far as Ganvas may use it. The processor's is what the system lets a program have without swapping;
    of a graphics card what torch keeps for itself and does not use is free too."""
    if not has_own_memory(device):
        return _system_memory()
    import torch

    if device == "mps":  # a part of the system's: what other programs hold there is not free here
        found = Memory(total(device), _system_memory().free)
        return within(found, allowed(device), torch.mps.driver_allocated_memory(), torch.mps.current_allocated_memory())
    number = _number(device)
    found = Memory(total(device), int(torch.cuda.mem_get_info(number)[0]))
    return within(found, allowed(device), torch.cuda.memory_reserved(number), torch.cuda.memory_allocated(number))


def total(device: str) -> int:
    """Bytes of memory a device has, whatever Ganvas may use of it."""
    if not has_own_memory(device):
        return _system_memory().total
    import torch

    if device == "mps":
        return int(torch.mps.recommended_max_memory())
    return int(torch.cuda.get_device_properties(_number(device)).total_memory)


def has_own_memory(device: str) -> bool:
    """Whether a person may say how much of this device's memory Ganvas uses: a graphics card's or Apple GPU's, never the
    processor's."""
    return device == "mps" or device.startswith("cuda")


def allow(device: str, allowance: Allowance) -> None:
    """Use no more than that of a graphics card's memory from now on, in this process.

    Whoever plans by `memory` plans with less, and torch's allocator refuses more, as if the card had none: tiles become smaller.
    What lies there already stays. Beside it the driver holds some hundred megabytes for the process itself.
    """
    import torch

    whole = total(device)
    bytes_allowed = allowance.of(whole)
    limited = bytes_allowed < whole
    if limited or allowed(device) is not None:
        give_back()  # what is only kept for later would count
        if device == "mps":
            torch.mps.set_per_process_memory_fraction(bytes_allowed / whole if limited else _USUAL_OF_METAL)
        else:
            torch.cuda.set_per_process_memory_fraction(bytes_allowed / whole, _number(device))
    if limited:
        _allowed[_key(device)] = bytes_allowed
    else:
        _allowed.pop(_key(device), None)


def allowed(device: str) -> int | None:
    """Bytes that `allow` left of this device's memory; None where Ganvas may use all of it."""
    return _allowed.get(_key(device))


def advice() -> str:
    """What helps where a graphics card's memory ran out that a person limited, in a sentence; "" where nobody did."""
    if not _allowed:
        return ""
    return f"Ganvas may use {min(_allowed.values()) / GB:.3g} GB of the graphics card's memory: allow it more."


def within(whole: Memory, allowed: int | None, held: int, used: int) -> Memory:
    """What is left of a device's memory where no more than `allowed` bytes may be used. torch holds `held` of them, and
    tensors lie in `used` of those."""
    free = whole.free + held - used
    if allowed is None:
        return Memory(whole.total, free)
    return Memory(min(whole.total, allowed), max(0, min(free, allowed - used)))


def _key(device: str) -> str:
    return f"cuda:{_number(device)}" if device.startswith("cuda") else device


def _number(device: str) -> int:
    """The number of a CUDA device: "cuda" is the first one, as nothing here ever makes another the current one."""
    return int(device.partition(":")[2] or 0)


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
