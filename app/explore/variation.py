"""A place in the latent space of a model: what a picture of Explore is made of. No Qt, no torch.

The lattice: seed `s` lies at column `s % 100`, row `s // 100`, and between seeds w is blended bilinearly of the four
nearest, as StyleGAN's authors' visualizer does with the same step, so that its two numbers mean the same here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from app.explore.point import LEAST_PSI, Point
from app.inference.requests import GenerateRequest, Noise

COLUMNS = 100
LAST_SEED = 2**32 - 1
PSI = (0.0, 1.5)
MAX_SIGMAS = 20.0  # far beyond any slider; a recipe that asks for more is not one of ours
MAX_LAYERS = 64
NOISES: tuple[Noise, ...] = get_args(Noise)


class RecipeError(ValueError):
    """A recipe that cannot be followed; the text is one sentence for a person."""


@dataclass(frozen=True)
class Variation:
    """Everything a picture of Explore depends on.

    `x`, `y` is the place on the lattice of seeds; `directions` are (name, sigmas), by name, without zeros; `mix_layers` are
    the layers that take their styles from `mix_seed`; `label` is a class index; `noise` and `noise_seed` as in
    `GenerateRequest`, and so is `cutoff`. `point`, where there is one, stands in for the place on the lattice.
    """

    model: str = ""
    x: float = 0.0
    y: float = 0.0
    psi: float = 0.7
    cutoff: int | None = None
    directions: tuple[tuple[str, float], ...] = ()
    mix_seed: int | None = None
    mix_layers: tuple[int, ...] = ()
    label: int | None = None
    noise: Noise = "const"
    noise_seed: int = 0
    point: Point | None = None

    def direction(self, name: str) -> float:
        """How far along a direction, in sigmas."""
        return dict(self.directions).get(name, 0.0)

    def along(self, name: str, sigmas: float) -> Variation:
        """The same, moved to `sigmas` along a direction."""
        moved = {**dict(self.directions), name: sigmas}
        return replace(self, directions=tuple(sorted((key, value) for key, value in moved.items() if value)))

    def at_seed(self, seed: int) -> Variation:
        """The same at a seed's own place."""
        x, y = place_of(seed)
        return replace(self, x=x, y=y, point=None)

    def from_latents(self, ws: NDArray[np.float32]) -> Variation:
        """The same with `ws [1, num_ws, w_dim]` for everything but directions and noise: mixing is in them already."""
        return replace(self, point=Point.of(ws, self.psi), cutoff=None, mix_seed=None, mix_layers=())

    def of_model(self, name: str) -> Variation:
        """The same place in another model. Directions, layers and classes of the old one mean nothing to it."""
        return replace(self, model=name, cutoff=None, directions=(), mix_seed=None, mix_layers=(), label=None, point=None)

    def mixed_with(self, seed: int | None, layers: tuple[int, ...]) -> Variation:
        """The same with the styles of a second seed in the layers chosen before, else in these; None ends the mixing."""
        if seed is None:
            return replace(self, mix_seed=None, mix_layers=())
        return replace(self, mix_seed=seed, mix_layers=self.mix_layers or layers)

    @property
    def seed(self) -> int:
        """The nearest seed."""
        return seed_at(round(self.x), round(self.y))

    @property
    def on_seed(self) -> bool:
        """Whether it lies on one seed, not between several or elsewhere."""
        return self.point is None and self.x == round(self.x) and self.y == round(self.y)

    def request(self, deadline_ms: float | None = None, resolution: int | None = None) -> GenerateRequest:
        """What the engine is asked for."""
        mixing = self.mix_seed is not None and bool(self.mix_layers)
        return GenerateRequest(
            model=self.model,
            seeds=blend(self.x, self.y),
            psi=self.psi,
            cutoff=self.cutoff,
            directions=self.directions,
            mix_seed=self.mix_seed if mixing else None,
            mix_layers=self.mix_layers if mixing else (),
            label=self.label,
            noise=self.noise,
            noise_seed=self.noise_seed,
            ws=self.point.ws if self.point else None,
            ws_psi=self.point.psi if self.point and abs(self.point.psi) >= LEAST_PSI else None,
            resolution=resolution,
            deadline_ms=deadline_ms,
        )

    def to_dict(self) -> dict[str, Any]:
        """JSON's types alone; `from_dict` gives the same back."""
        point = {"point": self.point.to_dict()} if self.point else {}
        return {
            "model": self.model,
            "x": self.x,
            "y": self.y,
            "psi": self.psi,
            "cutoff": self.cutoff,
            "directions": dict(self.directions),
            "mix_seed": self.mix_seed,
            "mix_layers": list(self.mix_layers),
            "label": self.label,
            "noise": self.noise,
            "noise_seed": self.noise_seed,
            **point,
        }

    @classmethod
    def from_dict(cls, data: Any) -> Variation:
        """Read what `to_dict` wrote, from anybody's file: `RecipeError` where a value is missing its type or range."""
        if not isinstance(data, dict):
            raise RecipeError("This is no recipe of Explore.")
        known = {field.name for field in fields(cls)}
        values = {key: value for key, value in data.items() if key in known}
        directions = values.get("directions", {})
        layers = values.get("mix_layers", [])
        if not isinstance(directions, dict) or not isinstance(layers, list) or len(layers) > MAX_LAYERS:
            raise RecipeError("The recipe's directions or layers cannot be read.")
        moved = {str(name): _number(value, -MAX_SIGMAS, MAX_SIGMAS, "a direction") for name, value in directions.items()}
        noise = values.get("noise", "const")
        if noise not in NOISES or not isinstance(values.get("model", ""), str):
            raise RecipeError("The recipe's model or noise cannot be read.")
        point = values.get("point")
        try:
            held = None if point is None else Point.from_dict(point)
        except ValueError as error:
            raise RecipeError("The recipe's point of the latent space cannot be read.") from error
        mix, label, cutoff = values.get("mix_seed"), values.get("label"), values.get("cutoff")
        return cls(
            model=values.get("model", ""),
            x=_number(values.get("x", 0.0), -1e9, 1e9, "the place"),
            y=_number(values.get("y", 0.0), -1e9, 1e9, "the place"),
            psi=_number(values.get("psi", 0.7), -2.0, 2.0, "psi"),
            cutoff=None if cutoff is None else _whole(cutoff, MAX_LAYERS, "the cutoff"),
            directions=tuple(sorted((name, value) for name, value in moved.items() if value)),
            mix_seed=None if mix is None else _whole(mix, LAST_SEED, "the second seed"),
            mix_layers=tuple(sorted({_whole(layer, MAX_LAYERS, "a layer") for layer in layers})),
            label=None if label is None else _whole(label, 1_000_000, "the class"),
            noise=noise,
            noise_seed=_whole(values.get("noise_seed", 0), LAST_SEED, "the noise"),
            point=held,
        )


def place_of(seed: int) -> tuple[float, float]:
    """Where a seed lies on the lattice."""
    return float(seed % COLUMNS), float(seed // COLUMNS)


def seed_at(column: int, row: int) -> int:
    """The seed at a place of the lattice; it goes round at both ends of the 32 bits."""
    return (column + row * COLUMNS) % (LAST_SEED + 1)


def blend(x: float, y: float) -> tuple[tuple[int, float], ...]:
    """The seeds around a place with their bilinear weights, which sum to 1; one pair on a seed, four between."""
    left, top = math.floor(x), math.floor(y)
    right, down = x - left, y - top
    shares: dict[int, float] = {}
    for column, across in ((left, 1 - right), (left + 1, right)):
        for row, along in ((top, 1 - down), (top + 1, down)):
            weight = across * along
            if weight > 1e-6:
                seed = seed_at(column, row)
                shares[seed] = shares.get(seed, 0.0) + weight
    total = sum(shares.values())
    return tuple((seed, weight / total) for seed, weight in shares.items())


def _number(value: Any, low: float, high: float, what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise RecipeError(f"The recipe's value of {what} cannot be right: {str(value)[:40]}.")
    return float(value)


def _whole(value: Any, high: int, what: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= high:
        raise RecipeError(f"The recipe's value of {what} cannot be right: {str(value)[:40]}.")
    return value
