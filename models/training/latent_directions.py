"""Directions in W that change one attribute of a generator's pictures and leave the others, found by measuring its own samples.

Attributes are regressed on whitened latents. The direction of one is its gradient less what lies along the gradients of others;
it is tried on layers early, middle and late, and what it does is measured on pictures. Where no direction moves an attribute
alone, others are let go (the most alike, half of them, all), steps that differ from layer to layer are tried too
(`models.training.layered_directions`), and what comes along is said. What the chosen one does is measured on latents that took
no part in finding or choosing it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]
Floats = NDArray[np.float32]
Measure = Callable[[Floats], Doubles]
Layered = Callable[[int], Iterable[Floats]]

STEPS = 2.0  # deviations that a direction is tried with, both ways
ENOUGH = 1.0  # deviations that its own attribute must move by for such a step
ALONE = 0.5  # part of that which no other attribute may reach
TRIED = 32  # latents that directions are chosen on
_RIDGE = 0.02


@dataclass(frozen=True, eq=False)
class Found:
    """A direction: `step` float32 `[w_dim]` is one deviation of the population of latents; it acts on latents `first` to `last`.
    With a row for each of those, `[last - first + 1, w_dim]`, each is at most one deviation.

    `effects [K]` is what two steps do to each attribute, in deviations of the readings over the generator's pictures.
    """

    attribute: int
    step: Floats
    first: int
    last: int
    effects: Doubles

    @property
    def own(self) -> float:
        """What two steps do to its own attribute."""
        return float(self.effects[self.attribute])

    @property
    def spill(self) -> float:
        """The largest effect on another attribute, in parts of its own."""
        others = np.delete(np.abs(self.effects), self.attribute)
        return float(others.max() / max(abs(self.own), 1e-9)) if len(others) else 0.0

    @property
    def clean(self) -> bool:
        """Whether it moves its own attribute enough, and no other by half as much."""
        return self.own >= ENOUGH and self.spill < ALONE

    def comes_along(self) -> list[int]:
        """The attributes that move by half as much or more, the strongest first."""
        moved = [k for k in np.argsort(-np.abs(self.effects)) if k != self.attribute]
        return [int(k) for k in moved if abs(self.effects[k]) >= ALONE * abs(self.own)]


@dataclass(frozen=True, eq=False)
class Whitened:
    """Latents in deviations of their population: `parts [N, D]`, each of deviation 1, along `basis [D, w_dim]`."""

    parts: Doubles
    basis: Doubles


def whitened(w: Floats) -> Whitened:
    """Of latents `w [N, w_dim]`; directions that hardly vary are left out."""
    centre = w.astype(np.float64) - w.mean(0)
    values, vectors = np.linalg.eigh(centre.T @ centre / len(w))
    kept = values > 1e-5 * values.max()
    root, back = np.sqrt(values[kept]), vectors[:, kept]
    return Whitened(centre @ back / root, root[:, None] * back.T)


def find_directions(w: Floats, fresh: Floats, measure: Measure, num_ws: int, layered: Layered | None = None) -> list[Found]:
    """One direction for each attribute, of latents `w [N, w_dim]` drawn as a seed draws them.

    `measure(ws [M, num_ws, w_dim])` gives readings `[M, K]`. Directions are tried on the first `TRIED` latents, and what the
    chosen ones do is measured on `fresh [M, w_dim]`. `layered(k)` gives further steps `[num_ws, w_dim]` to try for attribute
    `k`; they are asked for where no step in W moves it alone.
    """
    readings = measure(_everywhere(w, num_ws))
    unit = readings.std(0) + 1e-9
    z = (readings - readings.mean(0)) / unit
    white = whitened(w)
    x = white.parts
    gradients = np.linalg.solve(x.T @ x + _RIDGE * len(w) * np.eye(x.shape[1]), x.T @ z)  # D, K
    base, unseen = _everywhere(w[:TRIED], num_ws), _everywhere(fresh, num_ws)

    def tried_on(k: int, step: Floats, first: int, last: int, start: Floats) -> Found:
        moved = []
        for sign in (STEPS, -STEPS):
            ws = start.copy()
            ws[:, first : last + 1] += np.float32(sign) * step
            moved.append(measure(ws))
        return Found(k, step, first, last, (moved[0] - moved[1]).mean(0) / 2 / unit)

    found = []
    for k in range(z.shape[1]):
        everywhere, *ranges = layer_ranges(num_ws)
        best: Found | None = None
        for held in _held(gradients, k):
            step = (_apart(gradients[:, k], gradients[:, held]) @ white.basis).astype(np.float32)
            one = tried_on(k, step, *everywhere, base)
            best = one if best is None or _rank(one) > _rank(best) else best
            if best.clean:
                break
        assert best is not None
        best = max((best, *(tried_on(k, best.step, *some, base) for some in ranges)), key=_rank)
        if not best.clean and layered is not None:
            best = max((best, *(tried_on(k, step, *everywhere, base) for step in layered(k))), key=_rank)
        found.append(tried_on(k, best.step, best.first, best.last, unseen))
    return found


def layer_ranges(num_ws: int) -> list[tuple[int, int]]:
    """Which latents a direction is tried on: all, the early and the late half, a middle part."""
    third, half, last = num_ws // 3, num_ws // 2, num_ws - 1
    return list(dict.fromkeys([(0, last), (0, half), (0, third), (third, last), (half, last)]))


def _rank(one: Found) -> tuple[bool, bool, float]:
    """Clean ones first, then those that move enough; among them the one with the least spill."""
    return one.clean, one.own >= ENOUGH, -one.spill if one.own >= ENOUGH else one.own


def _held(gradients: Doubles, k: int) -> list[list[int]]:
    """Sets of other attributes to hold still: all, all but the most alike, the less alike half, none."""
    lengths = np.linalg.norm(gradients, axis=0) + 1e-12
    alike = np.abs(gradients.T @ gradients[:, k]) / lengths / lengths[k]
    others = sorted((j for j in range(gradients.shape[1]) if j != k), key=lambda j: alike[j])
    counts = dict.fromkeys((len(others), max(0, len(others) - 1), len(others) // 2, 0))  # with few others some are the same
    return [others[:count] for count in counts]


def _apart(gradient: Doubles, others: Doubles) -> Doubles:
    """A unit vector along `gradient [D]` at right angles to all `others [D, M]`."""
    if others.shape[1]:
        basis = np.linalg.qr(others)[0]
        gradient = gradient - basis @ (basis.T @ gradient)
    unit: Doubles = gradient / (np.linalg.norm(gradient) + 1e-12)
    return unit


def _everywhere(w: Floats, num_ws: int) -> Floats:
    repeated: Floats = np.repeat(w[:, None], num_ws, 1)
    return repeated


def table(found: Sequence[Found], names: Sequence[str]) -> str:
    """What two steps along each direction do, one line a direction."""
    lines = [f"{'':<12}" + "".join(f"{name[:10]:>11}" for name in names) + "  layers  spill"]
    for one in found:
        effects = "".join(f"{value:11.2f}" for value in one.effects)
        verdict = "" if one.clean else "  not alone" if one.own >= ENOUGH else "  weak"
        lines.append(f"{names[one.attribute]:<12}{effects}  {one.first:2}-{one.last:<3}  {one.spill:5.2f}{verdict}")
    return "\n".join(lines)
