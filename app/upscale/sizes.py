"""How large a photo becomes: a target in words, the exact size it means for a photo, and the passes that lead there."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Literal

Kind = Literal["factor", "width", "height", "longest", "box", "megapixels", "print"]

# A result this much larger than the network's own is enlarged plainly: nobody sees it, and another pass costs many times more.
PLAIN_SHARE = 1.1
MAX_FACTOR = 64.0
CM_AN_INCH = 2.54


class TargetError(ValueError):
    """A target that cannot be understood or obeyed; the text is one sentence for a person."""


@dataclass(frozen=True)
class Target:
    """What was asked for. `value` is a factor, pixels, megapixels or centimetres, `other` a box's or a print's second side.

    "box" and "print" keep the photo's shape and fit it inside; a print is turned to lie as the photo does. `dpi` belongs to
    "print". A print with one side means the longer one.
    """

    kind: Kind
    value: float
    other: float = 0.0
    dpi: float = 300.0


_PATTERNS: tuple[tuple[str, Kind], ...] = (
    (r"x(?P<value>N)|(?P<value2>N)x", "factor"),
    (r"(?P<value>I)w", "width"),
    (r"(?P<value>I)h", "height"),
    (r"(?P<value>I)(px|l)?", "longest"),
    (r"(?P<value>I)[x×](?P<other>I)", "box"),
    (r"(?P<value>N)mp", "megapixels"),
    (r"(?P<value>N)([x×](?P<other>N))?(?P<unit>cm|mm|in)(@(?P<dpi>N)(dpi)?)?", "print"),
)
_CM = {"cm": 1.0, "mm": 0.1, "in": CM_AN_INCH}
DIGITS = 6  # behind the point, in what is written and in what is read back
NOTHING = "A size must be larger than nothing."
TARGET_HELP = "x4, 2.5x, 4096w, 2160h, 6000px (longest side), 4096x4096 (fits inside), 24mp or 30x20cm@300"


def parse_target(text: str) -> Target:
    """A target from words like those of `TARGET_HELP`; `TargetError` where it is none."""
    lean = text.strip().lower().replace(" ", "").replace(",", ".")
    for pattern, kind in _PATTERNS:
        found = re.fullmatch(pattern.replace("N", rf"\d{{1,7}}(?:\.\d{{1,{DIGITS}}})?").replace("I", r"\d{1,7}"), lean)
        if found:
            parts = found.groupdict()
            unit = _CM.get(parts.get("unit") or "", 1.0)
            value = _rounded(float(parts.get("value") or parts.get("value2") or 0) * unit)
            second = parts.get("other")
            other = _rounded(float(second or 0) * unit)
            if second and not other:
                raise TargetError(NOTHING)
            return checked(Target(kind, value, other, float(parts.get("dpi") or 300)))
    raise TargetError(f"{text!r} is not a size. Write one like {TARGET_HELP}.")


def checked(target: Target) -> Target:
    """The target itself, where it can be obeyed at all."""
    if target.value <= 0 or target.other < 0 or target.dpi <= 0:
        raise TargetError(NOTHING)
    if target.kind == "factor" and target.value > MAX_FACTOR:
        raise TargetError(f"x{target.value:g} is too much: the largest factor is x{MAX_FACTOR:g}.")
    return target


def describe(target: Target) -> str:
    """The target in the words that `parse_target` reads back."""
    value, other, dpi = (_digits(number) for number in (target.value, target.other, target.dpi))
    return {
        "factor": f"x{value}",
        "width": f"{target.value:.0f}w",
        "height": f"{target.value:.0f}h",
        "longest": f"{target.value:.0f}px",
        "box": f"{target.value:.0f}x{target.other:.0f}",
        "megapixels": f"{value}mp",
        "print": f"{value}{f'x{other}' if target.other else ''}cm@{dpi}",
    }[target.kind]


def _digits(number: float) -> str:
    """All digits that `parse_target` takes, without an exponent, which it does not."""
    return f"{number:.{DIGITS}f}".rstrip("0").rstrip(".")


def _rounded(number: float) -> float:
    """Inches in centimetres have more digits than are written."""
    return round(number, DIGITS)


def size_for(target: Target, width: int, height: int) -> tuple[int, int]:
    """The exact width and height in pixels that a photo of `width` x `height` becomes; each at least 1."""
    value, other = target.value, target.other
    if target.kind == "width":
        return int(value), _side(height * value / width)
    if target.kind == "height":
        return _side(width * value / height), int(value)
    if target.kind == "longest":
        factor = value / max(width, height)
    elif target.kind == "box":
        return _inside(width, height, value, other)
    elif target.kind == "megapixels":
        factor = math.sqrt(value * 1e6 / (width * height))
    elif target.kind == "print":
        long_side, short_side = max(value, other), min(value, other)
        dots = target.dpi / CM_AN_INCH
        if not short_side:
            factor = long_side * dots / max(width, height)
        elif width >= height:
            return _inside(width, height, long_side * dots, short_side * dots)
        else:
            return _inside(width, height, short_side * dots, long_side * dots)
    else:
        factor = value
    return _side(width * factor), _side(height * factor)


def _side(pixels: float) -> int:
    return max(1, round(pixels))


def _inside(width: int, height: int, most_width: float, most_height: float) -> tuple[int, int]:
    factor = min(most_width / width, most_height / height)
    return min(_side(width * factor), _side(most_width)), min(_side(height * factor), _side(most_height))


def print_dpi(target: Target) -> tuple[float, float] | None:
    """The resolution that the result is to carry, where the target is a print."""
    return (target.dpi, target.dpi) if target.kind == "print" else None


@dataclass(frozen=True)
class Pass:
    """One run of the network: from `width` x `height` (reduced to that before, where it is not the size at hand) by `scale`."""

    width: int
    height: int
    scale: int

    @property
    def out(self) -> tuple[int, int]:
        return self.width * self.scale, self.height * self.scale

    @property
    def megapixels(self) -> float:
        """What the network reads."""
        return self.width * self.height / 1e6


def passes(width: int, height: int, wanted: tuple[int, int], scale: int) -> tuple[Pass, ...]:
    """The runs of a network of this `scale` that lead to at least `wanted` (or nearly: `PLAIN_SHARE`), the cheapest ones.

    A network of scale 1 (a restorer) runs once, at the photo's own size. Before every run but the first the picture is
    reduced to what that run needs, so that x8 by an x4 network costs a run at x1 and one at x2, not one at x4.
    """
    if scale == 1:
        return (Pass(width, height, 1),)
    factor = max(wanted[0] / width, wanted[1] / height)
    count = 1
    while scale**count * PLAIN_SHARE < factor:
        count += 1
    runs = [Pass(width, height, scale)]
    for left in range(count - 1, 0, -1):
        before = runs[-1].out
        needed = [min(before[i], max(1, math.ceil(wanted[i] / scale**left))) for i in range(2)]
        runs.append(Pass(needed[0], needed[1], scale))
    return tuple(runs)
