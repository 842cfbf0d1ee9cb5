"""Natural edges: what a hand draws with a round brush gets the outline that such things have in photos.

A painter of landscapes learns from maps of photos, where clouds fray, crowns have twigs and rocks have corners. Under a
brush they are all round strokes. So, before the network sees the shares of a map, the borders between labels that know no
straight line are moved to and fro by fractal noise (domain warping, as in procedural terrain), and some borders become slopes:
between sky and cloud, of snow on a mountain, of water at a far shore. What a hand draws on purpose stays: buildings, paths,
water lines and horizons do not move.

How far which labels may move stands in the card of a model, under `edges` of its configuration: a list of passes, each

    {"reach": {"sky": 0, "tree": 0.016, ...}, "soft": 0.0, "stretch": 1.0}

`reach` names the labels that exchange their borders in this pass and how far each sends them, `soft` is the breadth of the
slope, both in shares of the picture's side (the root of its area), each at most 0.2; `stretch` is how much wider than tall
the noise is, 1 to 4. Where no reach is above 0 the borders stay where they are and only become slopes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

_OCTAVES = 6
_FALL = 0.58  # amplitude of an octave against the one before
_CELLS = 5.0  # of the coarsest octave along the picture's side
_MOST = 0.2

_LAND = {
    "mountain": 0.005,
    "hill": 0.005,
    "rock": 0.016,
    "snow": 0.01,
    "sand": 0.006,
    "ground": 0.014,
    "grass": 0.014,
    "flower": 0.025,
    "bush": 0.02,
    "tree": 0.02,
}
_SHORE = {
    "rock": 0.012,
    "snow": 0.004,
    "ground": 0.006,
    "grass": 0.006,
    "flower": 0.01,
    "bush": 0.012,
    "tree": 0.012,
}
# What the landscape painters of the training kit are given, as far as they know the labels. Land meets the air and land meets
# the water in passes of their own, so that the line where water meets the air stays where it was drawn.
LANDSCAPE_PASSES: tuple[dict[str, Any], ...] = (
    {"reach": {"sky": 0.036, "cloud": 0.036}, "soft": 0.018, "stretch": 2.0},
    {"reach": {"sky": 0.0, "cloud": 0.0, **_LAND}},
    {"reach": {"water": 0.0, "sea": 0.0, **_SHORE}},
    # Snow that is cut off sharply lies on a mountain like paper; a far shore gets a dark or a white rim.
    {"reach": {"mountain": 0.0, "hill": 0.0, "rock": 0.0, "snow": 0.0}, "soft": 0.005},
    {"reach": {"mountain": 0.0, "hill": 0.0, "water": 0.0, "sea": 0.0}, "soft": 0.006},
)


def passes_for(names: Collection[str]) -> list[dict[str, Any]]:
    """`LANDSCAPE_PASSES` as a card holds them, for a painter that knows labels of these names."""
    known = [{**one, "reach": {k: v for k, v in one["reach"].items() if k in names}} for one in LANDSCAPE_PASSES]
    return [one for one in known if len(one["reach"]) > 1 and (any(one["reach"].values()) or one.get("soft"))]


@dataclass(frozen=True)
class Pass:
    """One exchange of borders: `reach` by channel of the network, the others stay where they are."""

    reach: Mapping[int, float]
    soft: float = 0.0
    stretch: float = 1.0


def read_passes(raw: object, channels: Mapping[str, int]) -> tuple[Pass, ...]:
    """The passes of a card (None: there are none) for labels by name; ValueError where they cannot be."""
    if raw is None:
        return ()
    if not isinstance(raw, list):
        raise ValueError("edges is no list")
    return tuple(_read(one, channels) for one in raw)


def _read(raw: Any, channels: Mapping[str, int]) -> Pass:
    try:
        reach = {channels[name]: float(far) for name, far in raw["reach"].items()}
        found = Pass(reach, float(raw.get("soft", 0)), float(raw.get("stretch", 1)))
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"edges: {error!r}") from error
    if not all(0 <= x <= _MOST for x in (*reach.values(), found.soft)) or not 1 <= found.stretch <= 4:
        raise ValueError(f"edges: {found}")
    return found


def natural_edges(shares: Tensor, passes: Sequence[Pass], seed: int, detail: float = 1) -> Tensor:
    """Shares `[labels, h, w]` (float32, each pixel's sum 1) with the borders that the passes give them; a new tensor.

    `detail` is how many times the taught size the network will work at: it follows a slope more closely there, so slopes
    are half as broad again, or a cloud would look like the stroke that it was.
    The same size and seed move a place by the same way, whatever is painted there: nothing swims under the brush.
    """
    for index, one in enumerate(passes):
        broader = replace(one, soft=one.soft * (1 + detail) / 2)
        shares = _exchanged(shares, broader, seed * len(passes) + index)
    return shares


def _exchanged(shares: Tensor, one: Pass, seed: int) -> Tensor:
    there = shares.flatten(1).amax(1) > 0
    chosen = [channel for channel in sorted(one.reach) if there[channel]]
    moves = any(one.reach[channel] for channel in chosen)
    if len(chosen) < 2 or not (moves or one.soft):
        return shares
    moving = shares[chosen]
    side = float(shares.shape[1] * shares.shape[2]) ** 0.5
    moved = _looked_up(moving, _way(moving, [one.reach[channel] for channel in chosen], one.stretch, seed)) if moves else moving
    if one.soft:
        moved = _blurred(moved, side * one.soft)
    mass, total = moving.sum(0), moved.sum(0)
    # Where the place looked at holds none of these labels, or hardly any, there is no border to exchange.
    moved = torch.where(total > 0.05, moved * (mass / total.clamp(min=0.05)), moving)
    result = shares.clone()
    result[chosen] = moved
    return result


def _way(moving: Tensor, reaches: Sequence[float], stretch: float, seed: int) -> Tensor:
    """How far from its place each pixel of planes `[C, h, w]` is taken, `[2, h, w]`: down, across; in pixels."""
    height, width = moving.shape[1:]
    side = float(height * width) ** 0.5
    way: Tensor = _fractal(height, width, stretch, seed).to(moving, copy=True)
    reach = torch.tensor(reaches, device=moving.device)[:, None, None]
    if bool((reach == reach[0]).all()):
        way *= side * reach[0]
        return way
    # Those of reach 0 are sent as far as what they border on, so that both sides of a border move alike.
    sends = torch.stack([(moving * reach).sum(0), (moving * (reach > 0)).sum(0)])
    sends = _blurred(sends, side * float(reach.max()))
    way *= side * (sends[0] / sends[1].clamp(min=1e-3))
    return way


def _looked_up(planes: Tensor, way: Tensor) -> Tensor:
    """Planes `[C, h, w]`, each pixel taken from `way [2, h, w]` (down, across; in pixels) off its place."""
    height, width = planes.shape[1:]
    down = torch.arange(height, device=planes.device)[:, None] + way[0]
    across = torch.arange(width, device=planes.device)[None] + way[1]
    grid = torch.stack([(across * 2 + 1) / width - 1, (down * 2 + 1) / height - 1], 2)
    return F.grid_sample(planes[None], grid[None], mode="bilinear", padding_mode="border", align_corners=False)[0]


def _blurred(planes: Tensor, reach: float) -> Tensor:
    """Planes averaged twice over a square of about `reach` pixels to each side (a slope, not a step)."""
    half = min(round(reach), (min(planes.shape[1:]) - 1) // 2)
    if half < 1:
        return planes
    for _ in range(2):
        for padding, size in (((half, half, 0, 0), (1, 2 * half + 1)), ((0, 0, half, half), (2 * half + 1, 1))):
            planes = F.avg_pool2d(F.pad(planes[None], padding, mode="replicate"), size, 1)[0]
    return planes


@lru_cache(maxsize=6)
def _fractal(height: int, width: int, stretch: float, seed: int) -> Tensor:
    """Smooth noise `[2, height, width]` of about unit deviation: octaves of Gaussian values on ever finer lattices."""
    generator = torch.Generator().manual_seed(seed)
    side = float(height * width) ** 0.5
    total, amplitude, power = torch.zeros(1, 2, height, width), 1.0, 0.0
    for octave in range(_OCTAVES):
        cells = _CELLS * 2**octave
        lattice = (max(2, round(cells * height / side)), max(2, round(cells * width / side / stretch)))
        if min(lattice) * 2 > min(height, width):
            break
        values = torch.randn(1, 2, *lattice, generator=generator)
        total += amplitude * F.interpolate(values, (height, width), mode="bicubic", align_corners=False)
        power += amplitude**2
        amplitude *= _FALL
    noise: Tensor = total[0] / max(power, 1e-6) ** 0.5 * torch.tensor([1.0, stretch])[:, None, None]
    return noise
