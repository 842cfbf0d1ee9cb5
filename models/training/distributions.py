"""How far two sets of pictures are apart, and what one covers of the other, by features `[N, d]` (models.training.inception).

FID is biased: with few pictures it is too large, also between two sets of real ones. So it is compared only among sets of one
size, with the figure of real against real beside it. KID is not biased, but noisy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Features = NDArray[np.float32]
NEIGHBOURS = 3
_AT_ONCE = 512  # rows of a matrix of distances that are made together


@dataclass(frozen=True)
class Apart:
    """`fid` (arXiv 1706.08500), `kid` times 1000 (arXiv 1801.01401), `precision` and `recall` (arXiv 1904.06991), 0..1."""

    fid: float
    kid: float
    precision: float
    recall: float


def apart(real: Features, made: Features) -> Apart:
    """All four of made pictures against real ones; each set needs more than `NEIGHBOURS` pictures (ValueError)."""
    if min(len(real), len(made)) <= NEIGHBOURS:
        raise ValueError(f"{len(real)} and {len(made)} pictures are too few to be compared")
    return Apart(frechet(real, made), kernel(real, made), covered(real, made), covered(made, real))


def frechet(one: Features, other: Features) -> float:
    """The Fréchet distance of two normal distributions with the sets' means and covariances.

    The trace of the root of the product of two covariances is the sum of the singular values of `A B'`, A and B being the
    sets about their means: exact, without the root of a large matrix, and quick where pictures are fewer than features.
    """
    a, mean_a = _about_mean(one)
    b, mean_b = _about_mean(other)
    traces = float((a * a).sum() + (b * b).sum())
    return float(((mean_a - mean_b) ** 2).sum()) + traces - 2 * float(np.linalg.svd(a @ b.T, compute_uv=False).sum())


def _about_mean(features: Features) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Rows whose products are the covariance, as few as there are features at most, and the mean."""
    exact = features.astype(np.float64)
    mean = exact.mean(0)
    rows: NDArray[np.float64] = (exact - mean) / (len(exact) - 1) ** 0.5
    if len(rows) > rows.shape[1]:
        rows = np.asarray(np.linalg.qr(rows, mode="r"))
    return rows, mean


def kernel(one: Features, other: Features) -> float:
    """Squared maximum mean discrepancy times 1000, unbiased, with the kernel `(x.y / d + 1)^3` on all pictures."""

    def mean(a: Features, b: Features, same: bool) -> float:
        total = 0.0
        for start in range(0, len(a), _AT_ONCE):
            part = a[start : start + _AT_ONCE].astype(np.float64)
            values = (part @ b.T.astype(np.float64) / a.shape[1] + 1) ** 3
            total += values.sum()
            if same:
                rows = np.arange(len(part))
                total -= values[rows, start + rows].sum()
        return total / (len(a) * (len(b) - 1 if same else len(b)))

    return 1000 * (mean(one, one, True) + mean(other, other, True) - 2 * mean(one, other, False))


def covered(real: Features, made: Features, neighbours: int = NEIGHBOURS) -> float:
    """Share of `made` that lies no farther from some picture of `real` than that one's third neighbour among `real`.

    `covered(real, made)` is precision, `covered(made, real)` recall.
    """
    reach = np.sqrt(np.partition(squared_distances(real, real), neighbours, axis=1)[:, neighbours])
    near = np.sqrt(squared_distances(made, real)) <= reach[None]
    return float(near.any(1).mean())


def squared_distances(a: Features, b: Features) -> NDArray[np.float64]:
    """Squared distances `[len(a), len(b)]`."""
    x, y = a.astype(np.float64), b.astype(np.float64)
    squares = (x * x).sum(1)[:, None] + (y * y).sum(1)[None] - 2 * (x @ y.T)
    result: NDArray[np.float64] = np.maximum(squares, 0)
    if a is b:
        np.fill_diagonal(result, 0)
    return result
