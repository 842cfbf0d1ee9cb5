"""What the parts of `on_a_card.py` share: photos, models, how a promise is kept, and how long a device takes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from models.at_once import AtOnce
from models.card import Card
from models.precision import Runtime
from models.upscaling import UpscalingModel

broken: list[str] = []


def promise(kept: bool, said: str) -> None:
    """Print a line, and keep it in mind where it was not kept."""
    print(f"{'  ' if kept else '! '}{said}", flush=True)
    if not kept:
        broken.append(said)


def noisy(height: int, width: int, channels: int = 3) -> Any:
    """A soft photo with some detail, uint8 `[H, W, C]`."""
    random = torch.Generator().manual_seed(height)
    coarse = F.interpolate(torch.rand(1, channels, 9, 9, generator=random), (height, width), mode="bicubic")
    fine = torch.rand(1, channels, height, width, generator=random)
    return ((coarse * 0.8 + fine * 0.2).clamp(0, 1) * 255)[0].permute(1, 2, 0).to(torch.uint8).numpy()


def model_of(plain: Any, fast: Any, device: torch.device, dtype: torch.dtype, amount: AtOnce | None = None) -> UpscalingModel:
    """The upscaler of a plain network's weights, as Ganvas runs it."""
    card = Card("x", "x", "upscaling", "x", scale=plain.config.scale)
    return UpscalingModel(card, lambda where: fast(plain.config, plain.state_dict(), where), Runtime(device, dtype), amount)


def off(made: Any, want: Any) -> tuple[float, float]:
    """How far apart two pictures of one type are, in levels of 255: the mean, and 99.9 %."""
    white = np.iinfo(made.dtype).max if made.dtype.kind == "u" else 1.0
    levels = np.abs(made.astype(np.float64) - want) * (255 / white)
    return float(levels.mean()), float(np.quantile(levels, 0.999))


def alike(what: str, made: Any, want: Any, mean: float = 1.0, most: float = 8.0) -> None:
    """`made` is `want`, but for a mean difference and one that 99.9 % stay within, in levels of 255."""
    if made.shape != want.shape or made.dtype != want.dtype:
        promise(False, f"{what}: {made.dtype} {made.shape} instead of {want.dtype} {want.shape}")
        return
    found = off(made, want)
    promise(found[0] <= mean and found[1] <= most, f"{what}: off by {found[0]:.3f} in the mean, {found[1]:.1f} at 99.9 %")


def waited(device: torch.device, work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds until the device is done, and what was made."""
    wait(device)
    began = time.perf_counter()
    made = work()
    wait(device)
    return time.perf_counter() - began, made


def wait(device: torch.device) -> None:
    """Until the device is done with all that it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
