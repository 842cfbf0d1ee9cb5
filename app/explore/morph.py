"""A morph: a walk through pictures that were starred, one flowing into the next. No Qt, no torch.

Between two keys their latents `ws` are blended, so that truncation, directions and mixed styles flow along with the seeds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.explore.state import version_of
from app.explore.variation import Variation
from app.inference.requests import GenerateRequest

FRAMES_A_SECOND = 25  # GIF counts in hundredths of a second: 4 of them a frame
SECONDS = (0.4, 10.0)  # from one key to the next
Latents = Mapping[Variation, NDArray[np.float32]]


@dataclass(frozen=True)
class Morph:
    """The keys, all of one model; `seconds` from each to the next; `loop`: the last flows into the first again."""

    keys: tuple[Variation, ...]
    seconds: float = 2.0
    loop: bool = True

    @property
    def legs(self) -> int:
        """How many ways between keys there are; 0 where there is nothing to morph."""
        return 0 if len(self.keys) < 2 else len(self.keys) if self.loop else len(self.keys) - 1

    @property
    def duration(self) -> float:
        """Seconds from beginning to end."""
        return self.legs * self.seconds

    @property
    def frames(self) -> int:
        """Pictures of the whole; of a loop the last one is not the first again."""
        whole = round(self.duration * FRAMES_A_SECOND)
        return whole if self.loop or not whole else whole + 1

    def between(self, time: float) -> tuple[Variation, Variation, float]:
        """The keys around a time, and how far from the first to the second it is, 0..1: slow at the keys, quick between."""
        if not self.legs:
            raise ValueError("a morph takes two keys")
        at = time / self.seconds
        at = at % self.legs if self.loop else min(max(at, 0.0), float(self.legs))
        leg = min(int(at), self.legs - 1)
        share = at - leg
        return self.keys[leg], self.keys[(leg + 1) % len(self.keys)], share * share * (3 - 2 * share)

    def request(
        self, time: float, latents: Latents, resolution: int | None = None, deadline_ms: float | None = None
    ) -> GenerateRequest:
        """What the engine is asked for at a time. `latents` holds the `ws [1, num_ws, w_dim]` of every key."""
        one, other, share = self.between(time)
        ws = ((1 - share) * latents[one] + share * latents[other]).astype(np.float32)
        nearer = one if share < 0.5 else other
        return GenerateRequest(
            model=one.model,
            noise=nearer.noise,
            noise_seed=nearer.noise_seed,
            ws=ws,
            resolution=resolution,
            deadline_ms=deadline_ms,
        )

    def to_recipe(self, sha256: str, title: str) -> dict[str, Any]:
        """The making-of of the animation. Dropped on the window, it restores its first key."""
        return {
            "panel": "explore",
            "version": version_of(*self.keys),
            "model": {"name": self.keys[0].model, "title": title, "sha256": sha256},
            "variation": self.keys[0].to_dict(),
            "morph": {"seconds": self.seconds, "loop": self.loop, "keys": [key.to_dict() for key in self.keys]},
        }
