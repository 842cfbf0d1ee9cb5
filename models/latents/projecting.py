"""The point of a latent space whose picture is nearest to a photo.

As in StyleGAN2's projector (arXiv 1912.04958) latents are moved downhill, by what a frozen network sees in the pictures and by
their pixels, first one for all layers (W) and then one for each (W+, arXiv 1904.03189). What moves are coordinates in which the
latents of seeds are normally distributed (arXiv 2012.09036), and two springs hold them: one towards the average, one that holds
each layer to what all have in common. The further layers part, the nearer the picture comes to the photo, and the less sliders
and morphs make of it; `freedom` weighs one against the other.

    space = surveyed(model, way)                       # once a model: the cloud of its latents
    for state in projected(way, space, trunk, photo):  # None between two pieces of work, a `State` after each step
        ...

The search begins in the middle of that cloud. What looks nearer at first (the nearest of a thousand random pictures, a
regression on them) was a worse beginning for photos of another kind than the model's: `faces` stayed a blur for an old grey
portrait.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from models.latent import Label, LatentModel
from models.latents.gradients import WayIn, piece_with_gradients
from models.latents.principal import in_batches
from models.latents.whitened import Whitened, whitened
from models.networks.efficientnet_lite import EfficientNetLite

LARGEST = 256  # px of the pictures that are compared; made as small where the model can, reduced to it where it cannot
STRIDES = (2, 4, 8, 16)  # of the features that are compared
EXACT = 128  # px: where a model's own pictures are compared and are larger, their pixels and finest features are left out. Hairs
# and pores never lie quite where the photo has them: a model that is asked for them pixel by pixel shows none. Where the model
# makes larger pictures than are compared, its hairs are not among them.
STEPS = (60, 80)  # with one latent for all layers, with one for each
RATES = (0.12, 0.06)  # of a step, in deviations of the latents of seeds
WARM_UP = 5
PULL = 1e-3  # towards the average, against the mean square of the coordinates
SPRINGS = (1.0, 1e-3)  # that hold the layers together, at a freedom of 0 and of 1


@dataclass(frozen=True, eq=False)
class State:
    """Latents `ws [1, num_ws, w_dim]` after `done` of `total` steps."""

    ws: NDArray[np.float32]
    done: int
    total: int


def compared_at(way: WayIn) -> tuple[int, int]:
    """Sides of the pictures that are made, first coarse and then fine ones: of those that the model shows."""
    fine = max((side for side in way.pictures if side <= LARGEST), default=way.pictures[0])
    return max((side for side in way.pictures if fine // 2 <= side < fine), default=fine), fine


def surveyed(model: LatentModel, way: WayIn, label: Label = None) -> Whitened:
    """The cloud of a model's latents, with classes of those in the one that `label` says."""
    w = in_batches(lambda z: model.map(z, label)[:, 0], model.z_dim)
    return whitened(torch.from_numpy(w).to(way.device))


def projected(
    way: WayIn,
    space: Whitened,
    trunk: EfficientNetLite,
    photo: NDArray[np.uint8],
    freedom: float = 0.5,
    noise: str = "const",
    noise_seed: int = 0,
    steps: Sequence[int] = STEPS,
) -> Generator[State | None, None, State]:
    """The latents whose picture is nearest to `photo` uint8 `[H, W, 3]`, square and framed as the model's pictures are.

    `freedom` 0..1 says how far layers may part. A `State` comes after every step, None between two pieces of one; the last one
    is returned.
    """
    coarse, fine = compared_at(way)
    likeness = _likeness(way, trunk, photo, coarse)
    yield None
    v = torch.zeros(1, len(space.deviations), device=way.device)
    apart = torch.zeros(1, way.num_ws, v.shape[-1], device=way.device)
    spring = SPRINGS[0] ** (1 - freedom) * SPRINGS[1] ** freedom
    state = State(_latents(space, v, apart), 0, sum(steps))
    for side, count, rate, moving in zip((coarse, fine), steps, RATES, ([v], [v, apart]), strict=True):
        if side != coarse:
            likeness = _likeness(way, trunk, photo, side)
            yield None
        descent = torch.optim.Adam([coordinates.requires_grad_(True) for coordinates in moving], betas=(0.9, 0.99))
        for number in range(count):
            with piece_with_gradients():
                picture = way.picture(space.w(v[:, None] + apart), side, noise, noise_seed)
            yield None
            with piece_with_gradients():
                loss = likeness(picture)[0] + PULL * v.square().mean() + spring * apart.square().mean()
            yield None
            with piece_with_gradients():
                descent.zero_grad()
                loss.backward()
                for group in descent.param_groups:
                    group["lr"] = rate * min(1.0, (number + 1) / WARM_UP) * (0.5 + 0.5 * math.cos(math.pi * number / count))
                descent.step()
            state = State(_latents(space, v, apart), state.done + 1, state.total)
            yield state
    return state


def _sized(photo: NDArray[np.uint8], side: int, device: torch.device) -> torch.Tensor:
    """`[1, 3, side, side]`, -1..1, of a photo: the mean of the light that falls on each pixel."""
    x = torch.from_numpy(np.array(photo)).to(device).permute(2, 0, 1)[None].float() / 127.5 - 1
    return F.interpolate(x, (side, side), mode="bicubic", antialias=True, align_corners=False).clamp(-1, 1)


def _latents(space: Whitened, v: torch.Tensor, apart: torch.Tensor) -> NDArray[np.float32]:
    with torch.no_grad():
        ws: NDArray[np.float32] = space.w(v[:, None] + apart).cpu().numpy()
    return ws


def _likeness(way: WayIn, trunk: EfficientNetLite, photo: NDArray[np.uint8], side: int) -> _Likeness:
    return _Likeness(trunk, photo, side, way.device, exact=side <= EXACT or side < max(way.pictures))


class _Likeness:
    """How unlike pictures are to `photo [1, 3, s, s]`: by features whose length at each place is one, and by pixels; `exact`: by
    the finest of both, too."""

    def __init__(self, trunk: EfficientNetLite, photo: NDArray[np.uint8], side: int, device: torch.device, exact: bool) -> None:
        self.photo = _sized(photo, min(side, LARGEST), device)
        self._trunk, self._exact = trunk, exact
        with piece_with_gradients():  # of which there are none here; but what is made in inference mode can take part in none
            self._features, self._pixels = self._seen(self.photo), self._sizes(self.photo)

    def __call__(self, pictures: torch.Tensor) -> torch.Tensor:
        """`[N]`, 0 for the photo itself; larger pictures are reduced to its side."""
        if pictures.shape[-1] > self.photo.shape[-1]:
            pictures = F.adaptive_avg_pool2d(pictures, self.photo.shape[-1])
        features = [(a - b).square().sum(1).mean((1, 2)) for a, b in zip(self._seen(pictures), self._features, strict=True)]
        pixels = [(a - b).square().mean((1, 2, 3)) for a, b in zip(self._sizes(pictures), self._pixels, strict=True)]
        return torch.stack(features).mean(0) + torch.stack(pixels).mean(0)

    def _seen(self, pictures: torch.Tensor) -> list[torch.Tensor]:
        features = self._trunk(pictures, max(STRIDES))
        strides = STRIDES if self._exact else STRIDES[1:]
        return [features[stride] / (features[stride].square().sum(1, keepdim=True).sqrt() + 1e-3) for stride in strides]

    def _sizes(self, pictures: torch.Tensor) -> list[torch.Tensor]:
        """Pictures as they are (at a half of their side where that is not to be exact), and at a half and a quarter of that."""
        first = pictures if self._exact else F.avg_pool2d(pictures, 2)
        return [first, F.avg_pool2d(first, 2), F.avg_pool2d(first, 4)]
