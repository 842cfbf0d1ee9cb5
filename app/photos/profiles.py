"""ICC profiles made from numbers: what a file tells of its colours without a profile, as one that travels along (ICC.1:2022).

The profile is of the plainest kind, a matrix with a curve, which every program that knows profiles reads. One of HDR says by its
`cicp` tag which it is, for programs that show HDR; its curve brings the highlights down for all others.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Point = tuple[float, float]

D65: Point = (0.3127, 0.3290)
SRGB: tuple[Point, Point, Point] = (0.64, 0.33), (0.30, 0.60), (0.15, 0.06)
_D50 = np.array([0.9642, 1.0, 0.8249])  # of the profile connection space
# Cone responses of the Bradford adaptation (ICC.1:2022, annex E).
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
_C: Point = (0.310, 0.316)
_NTSC = (0.67, 0.33), (0.21, 0.71), (0.14, 0.08)
_PAL = (0.64, 0.33), (0.29, 0.60), (0.15, 0.06)
_SMPTE = (0.630, 0.340), (0.310, 0.595), (0.155, 0.070)
_BT2020 = (0.708, 0.292), (0.170, 0.797), (0.131, 0.046)
_P3 = (0.680, 0.320), (0.265, 0.690), (0.150, 0.060)
ADOBE = (0.64, 0.33), (0.21, 0.71), (0.15, 0.06)
# ITU-T H.273, table 2: colour primaries with their white, and a name.
_PRIMARIES: dict[int, tuple[tuple[Point, Point, Point], Point, str]] = {
    1: (SRGB, D65, "BT.709"),
    2: (SRGB, D65, "BT.709"),  # unspecified
    4: (_NTSC, _C, "BT.470 M"),
    5: (_PAL, D65, "BT.470 BG"),
    6: (_SMPTE, D65, "SMPTE 170M"),
    7: (_SMPTE, D65, "SMPTE 240M"),
    9: (_BT2020, D65, "BT.2020"),
    11: (_P3, (0.314, 0.351), "DCI P3"),
    12: (_P3, D65, "Display P3"),
}
# Table 3: transfer characteristics. Those that cameras of video have are shown as sRGB's by every viewer of stills.
_CURVES: dict[int, float | str] = {
    **dict.fromkeys((1, 2, 6, 7, 11, 12, 13, 14, 15), "sRGB"),
    4: 2.2,
    5: 2.8,
    8: 1.0,
    16: "PQ",
    17: 2.6,
    18: "HLG",
}
HDR = ("PQ", "HLG")
ENTRIES = 4096  # of a sampled curve
MOST = 8.0  # in the matrices of colours that anybody can see; ICC's numbers end at 32,768
_WHITE_NITS = 203.0  # what white paper has in HDR (ITU-R BT.2408)
_KNEE = 0.5  # light up to here (white paper is 1) is shown as it is where there is no HDR


@dataclass(frozen=True)
class Colours:
    """What RGB numbers mean: chromaticities (x, y) of red, green and blue and of white; `curve` from numbers to light, a power or
    one of "sRGB", "PQ" and "HLG"; `cicp` the numbers of ITU-T H.273 (primaries, transfer) where they were told that way."""

    name: str
    primaries: tuple[Point, Point, Point] = SRGB
    white: Point = D65
    curve: float | str = "sRGB"
    cicp: tuple[int, int] | None = None

    @property
    def are_srgb(self) -> bool:
        """Whether a program that takes the numbers for sRGB shows them right. (A power of 2.2 is how sRGB was told of old.)"""
        points = np.array([*self.primaries, self.white]) - np.array([*SRGB, D65])
        curve = self.curve == "sRGB" or (isinstance(self.curve, float) and abs(self.curve - 2.2) < 0.03)
        return curve and bool(np.abs(points).max() < 0.002)


ADOBE_RGB = Colours("Compatible with Adobe RGB (1998)", ADOBE, D65, 563 / 256)


def from_codes(primaries: int, transfer: int) -> Colours | None:
    """Colours by the code points of ITU-T H.273; None where they are none that photos have."""
    if primaries not in _PRIMARIES or transfer not in _CURVES:
        return None
    points, white, name = _PRIMARIES[primaries]
    curve = _CURVES[transfer]
    said = f"{name} {curve}" if isinstance(curve, str) else f"{name} gamma {curve:g}"
    return Colours(said, points, white, curve, (primaries, transfer))


def profile(colours: Colours, grey: bool = False) -> bytes | None:
    """The profile of such numbers; None where there is none: the points span no colours."""
    try:
        white = _xyz(colours.white)
        columns = np.stack([_xyz(point) for point in colours.primaries], axis=1)
        with np.errstate(all="ignore"):
            adapted = _adaptation(white)
            matrix = adapted @ (columns * np.linalg.solve(columns, white))
    except (np.linalg.LinAlgError, ZeroDivisionError):
        return None
    most = np.abs([adapted, matrix]).max()
    if not np.isfinite(most) or most > MOST:
        return None
    tags = [(b"desc", _text(colours.name)), (b"cprt", _text("No copyright")), (b"wtpt", _point(_D50))]
    tags.append((b"chad", b"sf32\0\0\0\0" + _fixed(adapted.ravel())))
    curve = _curve(colours.curve)
    if grey:
        tags.append((b"kTRC", curve))
    else:
        tags += [(key, _point(matrix[:, i])) for i, key in enumerate((b"rXYZ", b"gXYZ", b"bXYZ"))]
        tags += [(key, curve) for key in (b"rTRC", b"gTRC", b"bTRC")]
        if colours.curve in HDR and colours.cicp is not None:
            tags.append((b"cicp", b"cicp\0\0\0\0" + bytes((*colours.cicp, 0, 1))))  # RGB numbers of the full range
    return _assembled(tags, b"GRAY" if grey else b"RGB ")


def _xyz(point: Point) -> NDArray[np.float64]:
    x, y = point
    return np.array([x / y, 1.0, (1 - x - y) / y])


def _adaptation(white: NDArray[np.float64]) -> NDArray[np.float64]:
    """From colours under this white to the same under D50."""
    cones = (_BRADFORD @ _D50) / (_BRADFORD @ white)
    adapted: NDArray[np.float64] = np.linalg.inv(_BRADFORD) @ np.diag(cones) @ _BRADFORD
    return adapted


def _curve(curve: float | str) -> bytes:
    if curve == "sRGB":  # IEC 61966-2-1, as a parametric curve of the third type
        return b"para\0\0\0\0" + struct.pack(">HH", 3, 0) + _fixed([2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045])
    if isinstance(curve, float):
        return b"para\0\0\0\0" + struct.pack(">HH", 0, 0) + _fixed([curve])
    steps = np.linspace(0, 1, ENTRIES)
    light = _LIGHT[curve](steps) / _WHITE_NITS
    shown = np.round(_brought_down(light, light[-1]) * 65535).astype(">u2")
    return b"curv\0\0\0\0" + struct.pack(">I", ENTRIES) + shown.tobytes()


def _pq(signal: NDArray[np.float64]) -> NDArray[np.float64]:
    """Candela per square metre (SMPTE ST 2084)."""
    power = signal ** (32 / 2523)
    return np.asarray(10_000 * (np.maximum(power - 107 / 128, 0) / (2413 / 128 - 2392 / 128 * power)) ** (8192 / 1305))


def _hlg(signal: NDArray[np.float64]) -> NDArray[np.float64]:
    """The same on a screen of 1,000 (ITU-R BT.2100, whose system gamma of 1.2 is applied to each channel here)."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)
    return np.asarray(1_000 * scene**1.2)


_LIGHT: dict[str, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = {"PQ": _pq, "HLG": _hlg}


def _brought_down(light: NDArray[np.float64], brightest: float) -> NDArray[np.float64]:
    """Light (white paper is 1) as a screen without HDR can show it, 0 to 1: what is above the knee is pressed together."""
    above = np.maximum(light - _KNEE, 0) / (1 - _KNEE)
    most = (brightest - _KNEE) / (1 - _KNEE)
    return np.where(light <= _KNEE, light, _KNEE + (1 - _KNEE) * above * (1 + above / most**2) / (1 + above))


def _fixed(values: NDArray[np.float64] | list[float]) -> bytes:
    return struct.pack(f">{len(values)}i", *(round(float(value) * 65536) for value in values))


def _point(xyz: NDArray[np.float64]) -> bytes:
    return b"XYZ \0\0\0\0" + _fixed(xyz)


def _text(said: str) -> bytes:
    raw = said.encode("utf-16-be")
    return b"mluc\0\0\0\0" + struct.pack(">II2s2sII", 1, 12, b"en", b"US", len(raw), 28) + raw


def _assembled(tags: list[tuple[bytes, bytes]], space: bytes) -> bytes:
    """Header, table of tags and their data; tags that are alike share theirs."""
    at = 128 + 4 + 12 * len(tags)
    table, data, places = b"", b"", dict[bytes, int]()
    for key, value in tags:
        if value not in places:
            places[value] = at + len(data)
            data += value + b"\0" * (-len(value) % 4)
        table += struct.pack(">4sII", key, places[value], len(value))
    header = struct.pack(
        ">I4sI4s4s4s6H4s4s20sI12s48x",
        at + len(data),
        b"\0\0\0\0",
        0x04400000,
        b"mntr",
        space,
        b"XYZ ",
        *(2026, 1, 1, 0, 0, 0),  # the same numbers make the same profile
        b"acsp",
        b"\0\0\0\0",
        b"\0" * 20,  # no flags, no maker
        1,  # relative colorimetric
        _fixed(_D50),
    )
    return header + struct.pack(">I", len(tags)) + table + data
