"""Drag points of a generated picture to where they should be, by its latents (DragGAN, arXiv 2305.10973).

Each step nudges the latents so that what lies around a handle comes to lie a little nearer to its target (motion supervision
on a hidden state of the generator), then finds the handle again by its features (point tracking).

Where this differs from the paper, since small generators leave their faces behind otherwise:
- what is pulled, and looked for, is what lay under the handle at the beginning, not in the step before: handles do not slip;
- features are counted in deviations of their channel, and a patch of them is looked for, not one;
- the latents of all levels up to the features move together, by strides of one length in coordinates in which the model's own
  latents vary alike in all directions: the few that matter, not a little of each, which makes another face;
- what lies away from handles and targets is held too, at first firmly, and more loosely where a handle comes no nearer.

Points are `[K, 2]` (x, y) in fractions of the picture's side, 0 to 1, x to the right and y down.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace
from itertools import islice, takewhile
from typing import Literal
from weakref import WeakKeyDictionary

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from models.errors import BadInput
from models.latent import LatentModel
from models.latents.gradients import has_way_in, piece_with_gradients, way_into
from models.latents.principal import principal_axes
from models.running import not_finite, piece_of_work

Floats = NDArray[np.float32]
Ending = Literal["", "there", "stuck", "long"]

FINEST = 64  # side of the hidden state that is worked on: finer ones cost more than they help
PATCH, LOOK = 4.0, 2.0  # radii in its pixels: what is pulled, and what a handle is known by
SEARCH = ((3.0, 0.5), (0.25, 0.25))  # radius and step in which a handle is looked for, then more finely
NEAR = 0.5  # pixels of the hidden state within which a handle has arrived
STRIDE = 0.3  # of a step, in deviations of the model's latents: two of them lie some twenty apart
FARTHEST = 6.0  # such deviations, from where it began: at twice that eyes go, beards come, another person looks out
INERTIA = 0.7  # share of the steps before in the direction of the next one
HOLD, HOLD_LEAST, LOOSER = 1.0, 0.15, 0.7  # weight of what is held; it loosens where no handle comes nearer
FIXED = 2.0  # weight of what must not move, where a person said what may: that is not held then
REACH = 0.12  # of the side: around the way of a handle nothing is held
NOTICED = 0.25  # pixels of the hidden state: coming nearer by less is none
PATIENCE, GIVE_UP = 5, 25  # steps without coming nearer, until things are held more loosely, and until it ends
LONGEST = 300  # steps
SAMPLES = 2000


@dataclass(frozen=True, eq=False)
class Moved:
    """Where a drag stands after `step` steps.

    `points` are the handles now, `left [K]` how far each is from its target, in fractions of the side; `ws [1, num_ws, w_dim]`
    make the picture. `ending` is "" while it goes on; "there" when all have arrived, "stuck" when none comes nearer (this
    is where they were nearest), "long" after the most steps that are taken.
    """

    step: int
    points: Floats
    left: Floats
    ws: Floats
    ending: Ending


def drag_steps(
    model: LatentModel,
    ws: Floats,
    handles: NDArray[np.floating],
    targets: NDArray[np.floating],
    movable: NDArray[np.bool_] | None = None,
    noise: str = "const",
    noise_seed: int = 0,
) -> Generator[Moved | None, None, Moved]:
    """Drag `handles [K, 2]` to `targets [K, 2]`, from `ws [1, num_ws, w_dim]`: a `Moved` after each step, the last one returned.

    None comes between two pieces of a step. `movable [h, w]`, of any size, is False where nothing may change (None: everything
    may). `BadInput` where the model has no gradients or the points are none; `BadPicture`, `OutOfMemory`.
    """
    if not has_way_in(model):
        raise BadInput(f"Points of pictures of {model.card.title} cannot be dragged.", "No gradients lead through its network.")
    starts, ends = _points(handles), _points(targets)
    if len(starts) != len(ends) or not len(starts):
        raise BadInput("Each point needs a target.", f"There are {len(starts)} points and {len(ends)} targets.")
    drag = _Drag(_ground_of(model), ws, starts, ends, movable, noise, noise_seed)
    yield None
    while True:
        with piece_with_gradients():
            drag.look()
        moved = drag.moved()
        if moved.ending:
            return moved
        yield moved
        with piece_with_gradients():
            drag.nudge()
        yield None


class _Drag:
    """One drag under way, one step after the other: `look` at where the handles are, then `nudge` the latents."""

    def __init__(
        self,
        ground: _Ground,
        ws: Floats,
        handles: torch.Tensor,
        targets: torch.Tensor,
        movable: NDArray[np.bool_] | None,
        noise: str,
        noise_seed: int,
    ) -> None:
        self._ground, self._noise = ground, (noise, noise_seed)
        self._side, device = ground.side, ground.way.device
        self._start = torch.from_numpy(np.array(ws, np.float32)).to(device)
        self._ws = self._start
        self._offset = torch.zeros(1, 1, ground.way.w_dim, device=device, requires_grad=True)
        self._pace = torch.zeros_like(self._offset)
        self._acts = torch.zeros(1, ground.way.num_ws, 1, device=device)
        self._acts[:, : ground.acting] = 1
        self._points, self._targets = handles.to(device), targets.to(device)
        self._held = _held(self._side, self._points, self._targets).to(device)
        self._fixed = None if movable is None else _fixed(movable, self._side).to(device)
        if self._fixed is not None:
            self._held = self._held * self._fixed
        pixel = 1 / self._side
        self._patch, self._look = _disc(PATCH).to(device) * pixel, _disc(LOOK).to(device) * pixel
        self._search = [_disc(radius, step).to(device) * pixel for radius, step in SEARCH]
        self._features: torch.Tensor | None = None
        self._first: _First | None = None
        self._step, self._hold = 0, HOLD
        self._nearest, self._since = float("inf"), 0
        self._best: Moved | None = None  # where the handles were nearest

    def look(self) -> None:
        """The features of the latents as they are now, and the handles found again in them."""
        self._ws = self._start + self._acts * (self._offset @ self._ground.spread)
        features = self._ground.features(self._ws, *self._noise)
        if not bool(torch.isfinite(features).all()):
            raise not_finite()
        if self._first is None:
            self._first = _First(features.detach(), self._points, self._patch, self._look)
        features = self._first.measured(features)
        self._features = features
        seen = features.detach()
        for k, known in enumerate(self._first.looks):
            for offsets in self._search:
                places = self._points[k] + offsets
                found = _sampled(seen, places[:, None] + self._look)
                unlike = (found - known[:, None]).abs().sum((0, 2))
                self._points[k] = places[unlike.argmin()].clamp(0, 1)
        left = float(self._left().sum())
        if left < self._nearest - NOTICED / self._side:
            self._nearest, self._since = left, 0
            self._best = self._as_it_is("")
        else:
            self._since += 1
            if self._since % PATIENCE == 0:
                self._hold = max(self._hold * LOOSER, HOLD_LEAST)

    def nudge(self) -> None:
        """One step of the latents along their gradient."""
        features, first = self._features, self._first
        assert features is not None
        assert first is not None
        left = self._left()
        loss = torch.zeros((), device=features.device)
        for k, patch in enumerate(first.patches):
            if left[k] < NEAR / self._side:
                continue
            onward = (self._targets[k] - self._points[k]) * min(1.0, 1 / self._side / float(left[k]))
            loss = loss + (_sampled(features, self._points[k] + onward + self._patch) - patch).abs().mean()
        changed = (features - first.features).abs().mean((0, 1))
        loss = loss + self._hold * (changed * self._held).mean()
        if self._fixed is not None:
            loss = loss + FIXED * (changed * self._fixed).mean()
        (slope,) = torch.autograd.grad(loss, self._offset)
        self._pace = INERTIA * self._pace + (1 - INERTIA) * slope
        with torch.no_grad():
            self._offset -= STRIDE * self._pace / self._pace.norm().clamp_min(1e-12)
            self._offset *= (FARTHEST / self._offset.norm().clamp_min(1e-12)).clamp_max(1)
        self._features = None
        self._step += 1

    def moved(self) -> Moved:
        """Where it stands. One that comes no nearer goes back to where it was nearest: further steps only made another face."""
        if bool((self._left() < NEAR / self._side).all()):
            return self._as_it_is("there")
        if self._since >= GIVE_UP and self._best is not None:
            return replace(self._best, ending="stuck")
        return self._as_it_is("long" if self._step >= LONGEST else "")

    def _as_it_is(self, ending: Ending) -> Moved:
        return Moved(self._step, _array(self._points), _array(self._left()), _array(self._ws), ending)

    def _left(self) -> torch.Tensor:
        left: torch.Tensor = torch.linalg.vector_norm(self._targets - self._points, dim=1)
        return left


class _First:
    """The features at the beginning, `[1, C, side, side]` in deviations of each channel, and those around each handle."""

    def __init__(self, features: torch.Tensor, points: torch.Tensor, patch: torch.Tensor, look: torch.Tensor) -> None:
        self._mean = features.mean((2, 3), keepdim=True)
        deviations = features.std((2, 3), keepdim=True)
        self._deviations = deviations.clamp_min(0.05 * float(deviations.mean()) + 1e-8)
        self.features = self.measured(features)
        self.patches = [_sampled(self.features, point + patch) for point in points]
        self.looks = [_sampled(self.features, point + look) for point in points]

    def measured(self, features: torch.Tensor) -> torch.Tensor:
        """Features in deviations of each channel at the beginning."""
        return (features - self._mean) / self._deviations


class _Ground:
    """What is known of a model before anything is dragged.

    `side` is that of the hidden state whose features are followed: half the picture's, or what comes nearest below. The first
    `acting` latents are those of the levels up to it. `spread` is how the latents vary: the root `[w_dim, w_dim]` of their
    covariance, so that steps of one length are as usual as can be.
    """

    def __init__(self, model: LatentModel) -> None:
        self.way = way = way_into(model)
        most = min(way.resolution // 2, FINEST)
        self.side = self._levels = 0  # up to the last one of this side: what is finer is never computed
        whole = 0  # the side of its hidden state with what lies beyond the picture, as sizes of layers are told
        with piece_of_work():
            for number, level in enumerate(way.levels(way.average.expand(1, way.num_ws, -1)), 1):
                if self.side and level.side > max(most, self.side):
                    break
                self.side, self._levels, whole = level.side, number, level.side + 2 * level.margin
        self.acting = sum(1 for _ in takewhile(lambda size: size <= whole, way.layer_sizes))
        self.spread = torch.from_numpy(_spread(model)).to(way.device)

    def features(self, ws: torch.Tensor, noise: str, noise_seed: int) -> torch.Tensor:
        """The hidden state `[1, C, side, side]` that is followed."""
        *_, level = islice(self.way.levels(ws, noise, noise_seed), self._levels)
        margin = level.margin
        inside: torch.Tensor = level.hidden[:, :, margin : margin + self.side, margin : margin + self.side]
        return inside


_GROUNDS: WeakKeyDictionary[LatentModel, _Ground] = WeakKeyDictionary()


def _ground_of(model: LatentModel) -> _Ground:
    if model not in _GROUNDS:
        _GROUNDS[model] = _Ground(model)
    return _GROUNDS[model]


def _spread(model: LatentModel) -> Floats:
    variances, axes = principal_axes(model.some_w(SAMPLES))
    root: Floats = ((axes.T * np.sqrt(variances)) @ axes).astype(np.float32)
    return root


def _sampled(features: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """Features `[C, ...]` of `[1, C, h, w]` at `places [..., 2]`, read bilinearly; beyond an edge what lies at it."""
    channels, side = features.shape[1], features.shape[-1]
    at = (places.reshape(-1, 2) * side - 0.5).clamp(0, side - 1)
    low = at.floor().clamp_max(side - 2)
    across, down = (at - low).unbind(1)
    first = (low[:, 1] * side + low[:, 0]).long()
    plane = features[0].reshape(channels, -1)  # by hand: what torch has for it has no gradients on Apple's devices
    upper = torch.lerp(plane.index_select(1, first), plane.index_select(1, first + 1), across)
    lower = torch.lerp(plane.index_select(1, first + side), plane.index_select(1, first + side + 1), across)
    return torch.lerp(upper, lower, down).reshape(channels, *places.shape[:-1])


def _disc(radius: float, step: float = 1.0) -> torch.Tensor:
    """Offsets `[n, 2]` within a radius, the nearest first, so that of equals the nearest is found."""
    count = int(radius / step)
    line = torch.arange(-count, count + 1) * step
    offsets = torch.stack(torch.meshgrid(line, line, indexing="xy"), -1).reshape(-1, 2)
    far = offsets.norm(dim=1)
    return offsets[far.argsort(stable=True)][: int((far <= radius).sum())]


def _held(side: int, handles: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """How much of each pixel `[side, side]` is held, 0 to 1: less the nearer it is to the way of a handle."""
    line = (torch.arange(side) + 0.5) / side
    places = torch.stack(torch.meshgrid(line, line, indexing="xy"), -1)
    held = torch.ones(side, side)
    for handle, target in zip(handles.cpu(), targets.cpu(), strict=True):
        way = target - handle
        along = ((places - handle) @ way / way.square().sum().clamp_min(1e-9)).clamp(0, 1)
        off = (places - handle - along[..., None] * way).square().sum(-1)
        held = torch.minimum(held, 1 - torch.exp(-off / (2 * REACH**2)))
    return held


def _fixed(movable: NDArray[np.bool_], side: int) -> torch.Tensor:
    """The share of each pixel `[side, side]` that must not change."""
    given = np.asarray(movable)
    if given.ndim != 2 or not given.any():
        raise BadInput("Nothing may move.", "The area of what may move is empty.", "Paint it where the points are, or clear it.")
    return F.adaptive_avg_pool2d(torch.from_numpy(np.array(~given.astype(bool), np.float32))[None, None], side)[0, 0]


def _points(given: NDArray[np.floating]) -> torch.Tensor:
    points = np.array(given, np.float32)
    if points.ndim != 2 or points.shape[1] != 2 or not ((points >= 0) & (points <= 1)).all():
        raise BadInput("These are no points of the picture.", "Both their numbers lie between 0 and 1.")
    return torch.from_numpy(points)


def _array(x: torch.Tensor) -> Floats:
    result: Floats = x.detach().float().cpu().numpy().copy()
    return result
