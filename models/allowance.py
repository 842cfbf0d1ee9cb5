"""How much of a graphics card's memory Ganvas may use, as a person says it: "all", "50%", "4GB".

A gigabyte is 2**30 bytes here, as makers of cards count, and `ganvas doctor`. No torch.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MB, GB = 2**20, 2**30
LEAST_BYTES = 256 * MB  # with less hardly any network runs, and a typing error is likelier than a wish
LEAST_PERCENT = 5
_UNITS = {"": GB, "mb": MB, "mib": MB, "gb": GB, "gib": GB}


@dataclass(frozen=True)
class Allowance:
    """A share of a device's memory (0..1), or so many `bytes` of it, whatever it has."""

    share: float = 1.0
    bytes: int | None = None

    def of(self, total: int) -> int:
        """Bytes of a device that has `total`: all of them at most."""
        return min(total, self.bytes if self.bytes is not None else int(self.share * total))

    def __str__(self) -> str:
        """As `parse` reads it."""
        if self.bytes is not None:
            return f"{self.bytes / GB:g}GB" if self.bytes % (GB // 4) == 0 else f"{self.bytes / MB:g}MB"
        return "all" if self.share == 1 else f"{100 * self.share:g}%"


ALL = Allowance()


def parse(text: str) -> Allowance:
    """The allowance of a text like "all", "50%", "4GB", "1.5 GB", "1500MB" or "4" (gigabytes). ValueError, with a sentence for
    a person, where it is none."""
    said = text.strip().lower().replace(" ", "")
    if said == "all":
        return ALL
    found = re.fullmatch(r"(\d{1,9}(?:\.\d{1,6})?)(%|[mg]i?b|)", said)
    if found is None:
        raise ValueError(f"{text!r} is no amount of memory: say it like 4GB, 1500MB, 50% or all")
    number, unit = float(found[1]), found[2]
    if unit == "%":
        if not LEAST_PERCENT <= number <= 100:
            raise ValueError(f"{text!r} is no share of a card's memory: say {LEAST_PERCENT}% to 100%")
        return Allowance(number / 100)
    size = int(number * _UNITS[unit])
    if size < LEAST_BYTES:
        raise ValueError(f"{text!r} is too little memory to make pictures with: allow {LEAST_BYTES // MB}MB or more")
    return Allowance(bytes=size)
