"""Principal directions of a model's latents: what differs most between its pictures (GANSpace, arXiv 2004.02546)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from models.folders import state_folder, write_whole
from models.latents.directions import Direction, Floats

COUNT = 12
SAMPLES, BATCH = 10_000, 500
LEAST_CONTRAST = 1.5  # the first deviation over the middle one: below it latents vary alike in all directions
RANGE = 2.5


def principal_directions(sample: Callable[[], Floats], num_ws: int, identity: bytes) -> tuple[Direction, ...]:
    """A dozen directions in W, the strongest first; empty where latents vary alike in all of them.

    `sample()` gives `w [N, w_dim]` of many seeds. What it leads to is kept in the state folder under the hash of `identity`
    (what tells this model from any other), so it is asked once a model and machine.
    """
    place = state_folder() / "directions" / f"{hashlib.sha256(identity).hexdigest()[:32]}.safetensors"
    found = _kept(place)
    if found is None:
        found = strongest(sample())
        _keep(place, *found)
    steps, shares = found
    return tuple(
        Direction(
            f"principal-{number}",
            f"Variation {number}",
            f"Holds {share:.0%} of the variety of this model's pictures; what it shows is for the eye to find.",
            -RANGE,
            RANGE,
            0,
            num_ws - 1,
            step,
        )
        for number, (step, share) in enumerate(zip(steps, shares, strict=True), 1)
    )


def strongest(w: Floats) -> tuple[Floats, Floats]:
    """Steps `[n, w_dim]` of one standard deviation along the strongest principal axes of `w [N, w_dim]`, and each one's share.

    The sign is settled by the largest coordinate, so that the same model gives the same sliders everywhere.
    """
    variances, axes = principal_axes(w)
    middle = np.median(variances)
    if variances[0] <= 0 or variances[0] < LEAST_CONTRAST**2 * middle:
        return np.zeros((0, w.shape[1]), np.float32), np.zeros(0, np.float32)
    axes = axes[:COUNT] * np.sign(axes[np.arange(min(COUNT, len(axes))), np.abs(axes[:COUNT]).argmax(1)])[:, None]
    steps = axes * np.sqrt(variances[:COUNT])[:, None]
    # safetensors writes an array's memory as it lies
    return steps.astype(np.float32, order="C"), (variances[:COUNT] / variances.sum()).astype(np.float32)


def principal_axes(w: Floats) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Variances `[w_dim]` of `w [N, w_dim]` along its axes of length one, `[w_dim, w_dim]`, the largest first."""
    centred = w.astype(np.float64) - w.mean(0, dtype=np.float64)
    variances, axes = np.linalg.eigh(centred.T @ centred / len(w))
    return variances[::-1].clip(0), axes.T[::-1]


def in_batches(map_latents: Callable[[Floats], Floats], z_dim: int, count: int = SAMPLES) -> Floats:
    """`w [count, w_dim]` of fixed latents, mapped in batches: `map_latents` gives `[n, w_dim]` of `z [n, z_dim]`."""
    draw = np.random.RandomState(0)
    return np.concatenate([map_latents(draw.randn(BATCH, z_dim).astype(np.float32)) for _ in range(count // BATCH)])


def _kept(place: Path) -> tuple[Floats, Floats] | None:
    try:
        with safe_open(place, framework="numpy") as file:
            return file.get_tensor("steps"), file.get_tensor("shares")
    except (OSError, SafetensorError):
        return None  # not there yet, or damaged: it is computed (again)


def _keep(place: Path, steps: Floats, shares: Floats) -> None:
    with suppress(OSError):  # a full disk: the sliders are there all the same, and are computed again another time
        write_whole(place, save({"steps": steps, "shares": shares}))
