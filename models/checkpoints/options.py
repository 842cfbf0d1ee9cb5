"""`opt.txt`, which the training scripts of SPADE, pix2pix and CycleGAN write beside a network: one setting a line."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from models.checkpoints.family import Contents
from models.checkpoints.reading import OPTIONS
from models.errors import CheckpointError

LONGEST_LINE = 500  # real ones have about 80 characters


@dataclass(frozen=True)
class Told:
    """Settings by name, from `opt.txt` and, before it, from a person's answers."""

    texts: Mapping[str, str]

    def number(self, key: str, otherwise: float) -> float:
        """The setting as a positive number, `otherwise` where it is not told; `CheckpointError` where it is none."""
        if key not in self.texts:
            return otherwise
        try:
            value = float(self.texts[key])
        except ValueError:
            value = math.nan
        if not 0 < value < 1e5:
            raise CheckpointError(f"{self.texts[key][:40]!r} cannot be the {key} of this model.")
        return value

    def yes(self, key: str) -> bool:
        """Whether the setting is told and true."""
        return self.texts.get(key, "").lower() in ("true", "1", "yes")

    def no(self, key: str) -> bool:
        """Whether the setting is told and false."""
        return self.texts.get(key, "").lower() in ("false", "0", "no")


def told(contents: Contents, answers: Mapping[str, str], questions: Collection[str]) -> Told:
    """What stands beside a network, and what was answered to these questions."""
    texts: dict[str, str] = {}
    for name in reversed(OPTIONS):
        for line in contents.siblings.get(name, b"").decode("utf-8", "replace").splitlines():
            match = re.match(r" *(\w+):(.*)", line[:LONGEST_LINE])
            if match is not None and (value := match[2].partition("[default:")[0].strip()):
                texts[match[1]] = value
    return Told({**texts, **{key: answers[key] for key in questions if key in answers}})
