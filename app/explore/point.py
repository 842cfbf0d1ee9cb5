"""A point of a latent space that no seed leads to: what was found for a photo, or reached by dragging. No Qt, no torch."""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST_VALUES = 1 << 17  # 64 layers of 2048 numbers
MOST_LAYERS = 64
LEAST_PSI = 0.05  # of a point that the truncation slider can still move: nearer to the average nothing is left to stretch


@dataclass(frozen=True, repr=False)
class Point:
    """Latents `ws [layers, w_dim]`, kept in float16 (rounded by less than a picture shows), and the psi that they stand for:
    at this psi the picture is that of the latents as they are, below it nearer to the average, above it further away."""

    data: bytes
    layers: int
    psi: float

    @classmethod
    def of(cls, ws: NDArray[np.float32], psi: float) -> Point:
        """The point of `ws [1, layers, w_dim]` or `[layers, w_dim]`."""
        rounded = np.ascontiguousarray(ws.reshape(-1, ws.shape[-1]), "<f2")
        return cls(rounded.tobytes(), len(rounded), psi)

    @property
    def ws(self) -> NDArray[np.float32]:
        """The latents `[1, layers, w_dim]`."""
        return np.frombuffer(self.data, "<f2").reshape(1, self.layers, -1).astype(np.float32)

    @cached_property
    def key(self) -> str:
        """A name that tells it from every other."""
        return hashlib.sha256(self.data + f" {self.layers} {self.psi!r}".encode()).hexdigest()[:32]

    @cached_property
    def _text(self) -> str:
        # Kept: all points that favourites and history hold are written down every other second while a hand moves a slider.
        return base64.b64encode(self.data).decode("ascii")

    def __repr__(self) -> str:
        return f"Point({self.key})"

    def to_dict(self) -> dict[str, Any]:
        """JSON's types alone."""
        return {"layers": self.layers, "psi": self.psi, "float16": self._text}

    @classmethod
    def from_dict(cls, data: Any) -> Point:
        """Read what `to_dict` wrote, from anybody's file; `ValueError` where it is none."""
        if not isinstance(data, dict):
            raise ValueError("no point")
        layers, psi, text = data.get("layers"), data.get("psi"), data.get("float16")
        if type(layers) is not int or not 1 <= layers <= MOST_LAYERS or not isinstance(text, str):
            raise ValueError("its layers")
        if isinstance(psi, bool) or not isinstance(psi, int | float) or not -2 <= psi <= 2:
            raise ValueError("its psi")
        if len(text) > 3 * MOST_VALUES:
            raise ValueError("its size")
        try:
            held = base64.b64decode(text, validate=True)
        except binascii.Error as error:
            raise ValueError("its numbers") from error
        if not held or len(held) % (2 * layers) or not np.isfinite(np.frombuffer(held, "<f2")).all():
            raise ValueError("its numbers")
        return cls(held, layers, float(psi))
