"""Where a network runs, and in which number format.

float32 unless a lower format was measured faster on that kind of device and stays within what a picture shows; which
families that holds for stands in `LOWER`, and benchmarks/ prints the figures behind it.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import torch

from models.card import Card
from models.errors import BadInput

N = TypeVar("N")
Y = TypeVar("Y")
R = TypeVar("R")

DEVICES = ("cpu", "cuda", "mps")
DTYPES: dict[str, torch.dtype] = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}

# The format each family may use on a kind of device when nobody chose one. A family that is not named stays in float32.
LOWER: dict[str, dict[str, str]] = {
    "mobilestylegan": {"cpu": "bfloat16"},
    "stylegan2-ada": {"cpu": "bfloat16"},
    "stylegan2-tf": {"cpu": "bfloat16"},
    "rosinality": {"cpu": "bfloat16"},
    "r3gan": {"cpu": "bfloat16"},
    "esrgan": {"cpu": "bfloat16", "cuda": "float16"},
    "compact": {"cpu": "bfloat16", "cuda": "float16"},
    "spade": {"cpu": "bfloat16", "cuda": "float16"},
    "srgan": {"cpu": "bfloat16"},
    "pix2pix-cyclegan": {"cpu": "bfloat16"},
    "gan-compression": {"cpu": "bfloat16"},
    "landscapes": {"cpu": "bfloat16", "cuda": "float16"},
}


@dataclass(frozen=True)
class Runtime:
    """A device and the number format of weights and activations on it."""

    device: torch.device
    dtype: torch.dtype

    @property
    def precision(self) -> str:
        """The format's name: "float32", "bfloat16" or "float16"."""
        return next(name for name, dtype in DTYPES.items() if dtype is self.dtype)

    def exact(self) -> Runtime:
        """The same device in float32."""
        return Runtime(self.device, torch.float32)


def choose(device: str | None, precision: str | None, card: Card) -> Runtime:
    """Where and how this card's network runs: what was asked for, else the fastest that was measured to be right.

    `device` is "cpu", "cuda", "cuda:1" or "mps", `precision` "float32", "bfloat16" or "float16". `BadInput` where this
    machine lacks the device or a name is unknown.
    """
    place = device_named(device)
    if precision is None:
        return Runtime(place, DTYPES[_automatic(place, card.family)])
    if precision not in DTYPES:
        raise BadInput(f"There is no precision {precision!r}.", hint=f"Choose one of {', '.join(DTYPES)}.")
    return Runtime(place, DTYPES[precision])


def device_named(name: str | None) -> torch.device:
    """The device of this name ("cpu", "cuda", "cuda:1", "mps"), the best one for None. `BadInput` where there is none."""
    return torch.device(_check_device(name)) if name is not None else best_device()


def best_device() -> torch.device:
    """A CUDA device or Apple's, where torch can use one; the processor otherwise."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    if _has_metal():
        return torch.device("mps")
    return torch.device("cpu")


def _has_metal() -> bool:
    return bool(torch.backends.mps.is_available())


def _check_device(name: str) -> str:
    kind, _, number = name.partition(":")
    if kind not in DEVICES or (number and not number.isdecimal()):
        raise BadInput(f"There is no device {name!r}.", hint=f"Choose one of {', '.join(DEVICES)}.")
    if kind == "cuda" and (not torch.cuda.is_available() or int(number or 0) >= torch.cuda.device_count()):
        raise BadInput(f"This machine has no device {name!r} that torch can use.", hint="Choose cpu, or install a torch for it.")
    if kind == "mps" and not _has_metal():
        raise BadInput("This machine has no Apple GPU that torch can use.", hint="Choose cpu.")
    return name


def _automatic(device: torch.device, family: str) -> str:
    lower = LOWER.get(family, {}).get(device.type, "float32")
    if device.type == "cpu" and lower == "bfloat16" and not processor_has_bfloat16():
        return "float32"
    return lower


@functools.cache
def processor_has_bfloat16() -> bool:
    """Whether the processor multiplies bfloat16 in hardware (AVX512-BF16 or AMX) and torch has kernels that use it.

    Without it bfloat16 is emulated and several times slower than float32.
    """
    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return False
    listed = _processor_flags()
    if listed is not None:
        return bool(listed & {"avx512_bf16", "amx_bf16"})
    # No list of flags to read (Windows, macOS): torch asks the processor itself, so far only by functions without promise.
    asks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(bool(getattr(torch.cpu, ask)()) for ask in asks if hasattr(torch.cpu, ask))


@functools.cache
def processor_has_tiles() -> bool:
    """Whether the processor multiplies whole tiles of bfloat16 at once (AMX)."""
    listed = _processor_flags()
    if listed is not None:
        return "amx_bf16" in listed
    ask = getattr(torch.cpu, "_is_amx_tile_supported", None)
    return ask is not None and bool(ask())


def _processor_flags(listing: Path = Path("/proc/cpuinfo")) -> frozenset[str] | None:
    """The flags of the first processor in Linux' listing; None where there is none."""
    try:
        text = listing.read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    found = re.search(r"^flags\s*:(.*)$", text, re.MULTILINE)
    return frozenset(found[1].split()) if found else None


class Precise(Generic[N]):
    """One network, built at the chosen precision at once and in float32 when that is needed.

    float32 is needed for 16-bit pictures, and for good once the lower format has returned a picture that cannot be right.
    """

    def __init__(self, build: Callable[[Runtime], N], runtime: Runtime) -> None:
        self._build = build
        self.runtime = runtime
        self.network = build(runtime)
        self._exact: N | None = None

    @property
    def exact(self) -> N:
        """The network in float32."""
        if self.runtime.dtype is torch.float32:
            return self.network
        if self._exact is None:
            self._exact = self._build(self.runtime.exact())
        return self._exact

    def distrust(self) -> bool:
        """Use float32 from now on. False where it was in use already, so nothing better is left to try."""
        if self.runtime.dtype is torch.float32:
            return False
        self.network, self._exact = self.exact, None
        self.runtime = self.runtime.exact()
        return True


def in_true_float32(steps: Generator[Y, None, R], wanted: bool = True) -> Generator[Y, None, R]:
    """The same steps, where it is `wanted` with convolutions in float32 that are float32 on CUDA cards too.

    torch lets cards since Ampere read what a convolution of float32 sees with the eleven digits of TF32, as few as float16 has.
    Where float32 is chosen for what it keeps (16 bits, the layers at both ends of an upscaler in float16), that keeps nothing.
    Between two steps it is as before: other models want the speed.
    """
    if not wanted:
        return (yield from steps)
    cudnn = torch.backends.cudnn
    try:
        while True:
            before, cudnn.allow_tf32 = cudnn.allow_tf32, False
            try:
                made = next(steps)
            except StopIteration as stop:
                return stop.value  # type: ignore[no-any-return]
            finally:
                cudnn.allow_tf32 = before
            yield made
    finally:
        steps.close()
