"""What a file without an ICC profile tells of its colours: PNG by chunks (W3C, third edition), AVIF and HEIC by code points
(ISO/IEC 14496-12, `colr`), BMP in its header, TIFF by tags (TIFF 6.0, section 20), cameras that were set to Adobe RGB by EXIF
(CIPA DC-008, the DCF option file)."""

from __future__ import annotations

import os
import struct
from typing import IO

from app.photos import exif
from app.photos.containers import jpeg, png, tiff
from app.photos.profiles import ADOBE_RGB, D65, HDR, SRGB, Colours, Point, from_codes, profile

# What stands before the pixels of a JPEG or PNG file and tells of colours stands within this.
MAX_HEAD = 2**20
MAX_META = 16 * 2**20  # of an AVIF or HEIC file: its boxes without the pixels
MAX_BOXES = 10_000
UNSPECIFIED = b"\2\2"  # both code points: they outdo nothing


def read(file: IO[bytes], name: str, block: bytes | None = None) -> Colours | None:
    """Of a file of the format `name`, with the EXIF `block` where a JPEG's is at hand; None where it says nothing that is known:
    then it is sRGB."""
    try:
        if name == "png":
            file.seek(0)
            return _of_png(file.read(MAX_HEAD))
        if name in ("avif", "heic"):
            return _of_heif(file)
        if name == "bmp":
            file.seek(0)
            return _of_bmp(file.read(138))
        if name == "tiff":
            return of_tiff(tiff.first(tiff.reader(file)))
        if name == "jpeg":
            file.seek(0)
            return _of_camera(block if block is not None else jpeg.read(file.read(MAX_HEAD)).exif)
    except (struct.error, IndexError, ZeroDivisionError):
        pass
    return None


def counts(told: Colours | None, name: str, has_profile: bool) -> bool:
    """Whether what is told is what counts: beside a profile only the code points of PNG do, which outdo it."""
    return not has_profile or (name == "png" and told is not None and told.cicp is not None)


def dressed(colours: Colours | None, grey: bool, warnings: list[str]) -> bytes | None:
    """The profile that such numbers need (None: they are sRGB's), and what is to be said of it."""
    if colours is None or colours.are_srgb:
        return None
    made = profile(colours, grey)
    if made is None:
        warnings.append("What it says of its colours cannot be followed: they were taken for sRGB.")
    elif colours.curve in HDR:
        warnings.append(
            f"Its HDR colours ({colours.name}) were kept with a profile; programs that show no HDR dim what is bright."
        )
    elif colours is ADOBE_RGB:
        warnings.append("Its camera says Adobe RGB and gave no profile: one was added.")
    return made


def _of_camera(block: bytes | None) -> Colours | None:
    return ADOBE_RGB if exif.is_adobe_rgb(block) else None


def _of_png(head: bytes) -> Colours | None:
    codes = gamma = points = None
    plain = False
    for kind, body in png.before_pixels(head):
        if kind == b"cICP" and len(body) == 4 and body[:2] != UNSPECIFIED:
            codes = from_codes(body[0], body[1])
        elif kind == b"sRGB":
            plain = True
        elif kind == b"gAMA" and len(body) == 4:
            gamma = int.from_bytes(body, "big") / 100_000
        elif kind == b"cHRM" and len(body) == 32:
            numbers = [value / 100_000 for value in struct.unpack(">8I", body)]
            points = [(numbers[i], numbers[i + 1]) for i in range(0, 8, 2)]
    if codes is not None or plain or not (gamma or points):
        return codes
    white, *primaries = points or (D65, *SRGB)
    return _by_numbers(primaries, white, 1 / gamma if gamma else "sRGB")


def _by_numbers(primaries: list[Point], white: Point, curve: float | str) -> Colours | None:
    if len(primaries) != 3 or min(y for _, y in (*primaries, white)) <= 0:
        return None
    if isinstance(curve, float):
        if not 0.2 < curve < 5:
            return None
        curve = round(curve, 4)
    red, green, blue = primaries
    return Colours("Colours of the file", (red, green, blue), white, curve)


def _of_bmp(head: bytes) -> Colours | None:
    """A header of version 4 or 5 with calibrated colours: end points as XYZ with 30 bits behind the point, gamma with 16."""
    size = int.from_bytes(head[14:18], "little")
    if size < 108 or head[70:74] != b"\0\0\0\0":
        return None
    numbers = struct.unpack_from("<9i", head, 74)
    gammas = [value / 65536 for value in struct.unpack_from("<3I", head, 110)]
    sums = [sum(numbers[i : i + 3]) for i in (0, 3, 6)]
    if min(sums) <= 0 or not gammas[0]:
        return None
    points = [(numbers[3 * i] / total, numbers[3 * i + 1] / total) for i, total in enumerate(sums)]
    together = [sum(numbers[i::3]) for i in range(3)]  # white, where they are no mere directions
    directions = all(abs(total / 2**30 - 1) < 0.01 for total in sums)
    white = D65 if directions else (together[0] / sum(together), together[1] / sum(together))
    return _by_numbers(points, white, 1 / gammas[0] if gammas[0] < 1 else gammas[0])


def profile_of_bmp(file: IO[bytes]) -> bytes | None:
    """The profile that lies in a BMP file with a header of version 5."""
    file.seek(0)
    head = file.read(138)
    if head[70:74] != b"DEBM" or len(head) < 138 or int.from_bytes(head[14:18], "little") < 124:
        return None
    at, size = struct.unpack_from("<II", head, 126)
    if not 128 < size <= MAX_META:
        return None
    file.seek(14 + at)
    found = file.read(size)
    return found if len(found) == size and found[36:40] == b"acsp" else None


def of_tiff(directory: tiff.First) -> Colours | None:
    """The same of a TIFF file, by its first directory."""
    white, primaries = directory.chromaticities()
    told = _by_numbers(list(primaries), white, 2.2) if white and primaries else None
    return told or _of_camera(directory.exif())


# AVIF and HEIC


def _of_heif(file: IO[bytes]) -> Colours | None:
    meta = _meta(file)
    boxes = dict(_boxes(meta, 4))  # a full box: version and flags stand first
    first = _primary(boxes.get(b"pitm", b""))
    inner = dict(_boxes(boxes.get(b"iprp", b""), 0))
    properties = list(_boxes(inner.get(b"ipco", b""), 0))
    for index in _associated(inner.get(b"ipma", b""), first):
        if 0 < index <= len(properties):
            kind, body = properties[index - 1]
            if kind == b"colr" and body[:4] == b"nclx":
                return from_codes(*struct.unpack_from(">HH", body, 4))
    return None


def _meta(file: IO[bytes]) -> bytes:
    """The body of the file's `meta` box."""
    end, at = file.seek(0, os.SEEK_END), 0
    for _ in range(MAX_BOXES):
        if at >= end:  # a box may claim to end where no file reaches, nor can be looked at
            break
        file.seek(at)
        head = file.read(16)
        size, kind, before = int.from_bytes(head[:4], "big"), head[4:8], 8
        if size == 1:
            size, before = int.from_bytes(head[8:16], "big"), 16
        size = size or end - at
        if size < before:
            break
        if kind == b"meta":
            file.seek(at + before)
            return file.read(min(size - before, MAX_META))
        at += size
    return b""


def _boxes(data: bytes, at: int) -> list[tuple[bytes, bytes]]:
    found: list[tuple[bytes, bytes]] = []
    while at + 8 <= len(data) and len(found) < MAX_BOXES:
        size = int.from_bytes(data[at : at + 4], "big")
        if size < 8:  # sizes of 64 bits, or up to the end: of no box that is looked for
            break
        found.append((data[at + 4 : at + 8], data[at + 8 : at + size]))
        at += size
    return found


def _primary(body: bytes) -> int:
    return int.from_bytes(body[4:6] if body[:1] == b"\0" else body[4:8], "big")


def _associated(body: bytes, item: int) -> list[int]:
    """The numbers, from 1, of the properties that belong to an item (`ipma`)."""
    version, wide = body[0], body[3] & 1
    count, at = struct.unpack_from(">I", body, 4)[0], 8
    for _ in range(min(count, MAX_BOXES)):
        number = struct.unpack_from(">H" if version < 1 else ">I", body, at)[0]
        at += 2 if version < 1 else 4
        many = body[at]
        at += 1
        listed = struct.unpack_from(f">{many}{'H' if wide else 'B'}", body, at)
        at += many * (2 if wide else 1)
        if number == item:
            return [one & (0x7FFF if wide else 0x7F) for one in listed]  # the first bit says that it is essential
    return []
