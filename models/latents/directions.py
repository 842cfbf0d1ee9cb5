"""Directions in W or W+: a vector, or one for each layer, the layers it acts on, and a range in standard deviations; no torch.

Named directions were measured on one model's own pictures, and are bound to the sha256 of its weights: `resources` holds those of
models that Ganvas knows, those of others lie beside their weights (`models.latents.beside`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open

from models.errors import BadInput

Floats = NDArray[np.float32]

FITTED = ("faces", "weights/portraits")  # folders of resources/ with data that was fitted to one model


@dataclass(frozen=True, eq=False)
class Direction:
    """One way to change a picture.

    `step` float32 `[w_dim]` is one standard deviation of the model's population along it; `first` and `last` are the latents
    it is added to. One with a row for each of these, `[last - first + 1, w_dim]`, moves each layer its own way. `low` and
    `high` are the range in such steps within which pictures stay right. `title` and `remark` are for painters.
    """

    name: str
    title: str
    remark: str
    low: float
    high: float
    first: int
    last: int
    step: Floats

    def fits(self, num_ws: int, w_dim: int) -> bool:
        """Whether it can be added to latents `[num_ws, w_dim]`."""
        layers = self.last - self.first + 1
        return 0 <= self.first <= self.last < num_ws and self.step.shape in ((w_dim,), (layers, w_dim))


def edit(ws: Floats, directions: Mapping[str, Direction], sigmas: Mapping[str, float]) -> Floats:
    """`ws [N, num_ws, w_dim]` moved along directions by so many standard deviations each; `ws` itself stays as it is."""
    moved = np.array(ws, np.float32)
    for name, amount in sigmas.items():
        if name not in directions:
            known = ", ".join(directions) or "none"
            raise BadInput(f"There is no direction {name!r}.", f"This model has {known}.")
        if not np.isfinite(amount):
            raise BadInput(f"A step of {amount} along {name} is no number.")
        direction = directions[name]
        moved[:, direction.first : direction.last + 1] += np.float32(amount) * direction.step
    return moved


@cache
def fitted_folder(sha256: str) -> Path | None:
    """The folder of resources with what was fitted to the model of this sha256; None where there is none."""
    for name in FITTED:
        folder = Path(str(files("resources"))) / name
        described = folder / "directions.json"
        if sha256 and described.exists() and json.loads(described.read_text(encoding="utf-8"))["model"] == sha256:
            return folder
    return None


@cache
def named_directions(sha256: str, num_ws: int, w_dim: int) -> tuple[Direction, ...]:
    """The measured directions of the model of this sha256, in the order a painter wants them; empty where there are none.

    A card may claim any sha256: there are none either where they do not fit a model of so many latents.
    """
    folder = fitted_folder(sha256)
    if folder is None:
        return ()
    rows = json.loads((folder / "directions.json").read_text(encoding="utf-8"))["directions"]
    with safe_open(folder / "directions.safetensors", framework="numpy") as file:
        steps: Floats = file.get_tensor("steps")
    found = tuple(_direction(row, step) for row, step in zip(rows, steps, strict=True))
    return found if all(one.fits(num_ws, w_dim) for one in found) else ()


def _direction(row: Mapping[str, Any], step: Floats) -> Direction:
    """Of a row of the file and its step, `[w_dim]` or `[num_ws, w_dim]`: of the latter the layers that it acts on."""
    return Direction(**row, step=step if step.ndim == 1 else step[row["first"] : row["last"] + 1])
