"""Photos to files: PNG, JPEG, WebP, AVIF and TIFF, with everything the photo carries, whole or not at all.

Nothing is lost silently: a photo that the format cannot hold (too large, 16 bits, transparency) is refused in words, unless
`reduce` says that bits and transparency may go.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyvips
from numpy.typing import NDArray

from app.photos import containers, exif, placing
from app.photos.containers import Metadata, Part, jpeg, tiff
from app.photos.formats import EXTENSIONS, FORMATS, refusal, writable
from app.photos.photo import Photo, PhotoError
from app.photos.resizing import to_image

# A classic TIFF counts its bytes in 32 bits. Compressed sizes are not known ahead, so the larger layout is chosen early.
BIG_TIFF_BYTES = 3 * 2**30
_INTERPRETATIONS = {(8, True): "b-w", (16, True): "grey16", (8, False): "srgb", (16, False): "rgb16"}


def encode(
    photo: Photo, path: Path, format: str | None = None, quality: int = 92, effort: int | None = None, reduce: bool = False
) -> None:
    """Write the photo as `path`. `format` None takes the extension's; `quality` 1 to 100 (100: WebP and AVIF without loss).

    `PhotoError` where the format cannot hold it, `OSError` where the disk refuses; then `path` is what it was before.
    """
    name = format or EXTENSIONS.get(path.suffix.lower().lstrip("."), "")
    placing.write(path, encode_parts(photo, writable(name or path.suffix or "without extension").name, quality, effort, reduce))


def encode_parts(photo: Photo, format: str, quality: int = 92, effort: int | None = None, reduce: bool = False) -> list[Part]:
    """The parts of the file, in order: see `encode`."""
    name = writable(format).name
    fitted = fit(photo, name, reduce)
    handled = name in containers.HANDLED
    metadata = Metadata(
        fitted.icc, _exif_for(fitted, fitted.width, fitted.height, name), fitted.xmp, fitted.iptc, fitted.dpi, fitted.texts
    )
    image = _dressed(to_image(fitted.pixels), fitted.dpi, Metadata() if handled else _for_encoder(metadata, name))
    options = _options(name, fitted.pixels.nbytes, quality, effort)
    try:
        data = _SAVERS[name](image, keep="none" if handled else "all", **options)
    except pyvips.Error as error:
        raise PhotoError(f"It could not be written as {FORMATS[name].title}: {str(error).splitlines()[-1].strip()}.") from error
    if handled:
        return containers.embed(data, name, metadata)
    return _with_camera(data, metadata) if name == "tiff" else [data]


def _for_encoder(metadata: Metadata, name: str) -> Metadata:
    """What libvips' own encoder is to write: of a TIFF not EXIF (it would not) nor IPTC (it would cut it off)."""
    return Metadata(icc=metadata.icc, xmp=metadata.xmp) if name == "tiff" else metadata


def _with_camera(data: bytes, metadata: Metadata) -> list[Part]:
    """A TIFF file with EXIF and IPTC, which libvips does not write."""
    added = tiff.addition(lambda at, size: data[at : at + size], len(data), metadata.exif, metadata.iptc)
    if added is None:
        return [data]
    tail, at, pointer = added
    view = memoryview(data)
    return [view[:at], pointer, view[at + len(pointer) :], tail]


def fit(photo: Photo, format: str, reduce: bool) -> Photo:
    """The photo as `format` can hold it; `PhotoError` where something would be lost and `reduce` does not allow it."""
    kind = FORMATS[format]
    too_large = refusal(format, photo.width, photo.height)
    if too_large:
        raise PhotoError(too_large)
    if photo.bits not in kind.bits:
        if not reduce:
            raise PhotoError(
                f"{kind.title} holds 8 bits a channel and this photo has 16.", "Choose PNG or TIFF, or allow 8 bits."
            )
        photo = replace(photo, pixels=to_8_bits(photo.pixels))
    if photo.has_alpha and not kind.alpha:
        if not reduce:
            raise PhotoError(
                f"{kind.title} has no transparency and this photo has.", "Choose PNG, WebP or TIFF, or allow white behind it."
            )
        photo = replace(photo, pixels=on_white(photo.pixels))
    return photo


def not_kept(photo: Photo, format: str) -> tuple[str, ...]:
    """What the photo tells besides its pixels and a file of this format has no room for, in sentences."""
    title, said = FORMATS[format].title, []
    if photo.exif and len(photo.exif) > jpeg.MAX_EXIF and format in ("jpeg", "avif"):
        said.append(f"What its camera told (EXIF) is not kept, as {title} holds at most 64 KB of it.")
    if photo.iptc and format in ("webp", "avif"):
        said.append(f"Its IPTC records are not kept, as {title} has no place for them.")
    if photo.iptc and len(photo.iptc) > jpeg.MAX_IPTC and format == "jpeg":
        said.append(f"Its IPTC records are not kept, as {title} holds at most 64 KB of them.")
    if lost := _texts_lost(photo, format):
        said.append(f"What was written into it ({some_of(lost)}) is not kept, as {title} has no place for it.")
    return tuple(said)


SOME = 4  # of the texts that are not kept so many are named
# What programs write of the file they made: of another file it is not true any more, and nobody misses it.
_OF_THE_FILE = re.compile(r"Software|date:.*|Thumb::.*", re.IGNORECASE)


def some_of(keys: list[str]) -> str:
    """Keys of texts, as a sentence names them: a file may hold thousands."""
    return ", ".join(keys[:SOME]) + ("…" if len(keys) > SOME else "")


def _texts_lost(photo: Photo, format: str) -> list[str]:
    """The keys of the texts that a file of this format has no room for."""
    lost = (one.key for one in photo.texts if not (format == "png" or (format == "jpeg" and jpeg.holds(one))))
    return list(dict.fromkeys(key for key in lost if not _OF_THE_FILE.fullmatch(key)))


def to_8_bits(pixels: NDArray[Any]) -> NDArray[Any]:
    """uint16 to uint8, rounded to the nearest (257 steps of 16 bits are one of 8)."""
    if pixels.dtype == np.uint8:
        return pixels
    rounded: NDArray[np.uint8] = ((pixels.astype(np.uint32) + 128) // 257).astype(np.uint8)
    return rounded


def on_white(pixels: NDArray[Any]) -> NDArray[Any]:
    """`[H, W, 2 or 4]` laid on white: `[H, W, 1 or 3]` of the same type."""
    top = float(np.iinfo(pixels.dtype).max)
    alpha = pixels[..., -1:].astype(np.float32) / top
    colour = pixels[..., :-1].astype(np.float32)
    flat: NDArray[Any] = np.rint(colour * alpha + top * (1 - alpha)).astype(pixels.dtype)
    return flat


def _exif_for(photo: Photo, width: int, height: int, name: str) -> bytes | None:
    """What its camera said, for upright pixels of this size. In WebP nothing else says a resolution."""
    block = exif.put_right(photo.exif, width, height, photo.dpi) if photo.exif else None
    return exif.with_resolution(block, photo.dpi) if name == "webp" and photo.dpi is not None else block


def save_stream(image: Any, path: Path, like: Photo, format: str, quality: int = 92) -> None:
    """Encode a lazy libvips picture into `path` as it is computed, with the metadata of `like`. `pyvips.Error` on failure."""
    name = writable(format).name
    size = image.width * image.height * image.bands * (2 if image.format == "ushort" else 1)
    exif_block = _exif_for(like, image.width, image.height, name)
    metadata = Metadata(like.icc, exif_block, like.xmp, like.iptc, like.dpi, like.texts)
    options = _options(name, size, quality, None)
    if name == "jpeg":
        options["optimize_coding"] = False  # it would hold the whole picture to count its codes
    if name in _HEADS:
        _save_behind_head(_dressed(image, like.dpi, Metadata()), path, name, metadata, options)
    elif name in containers.HANDLED:
        data = _SAVERS[name](_dressed(image, like.dpi, Metadata()), keep="none", **options)
        path.write_bytes(b"".join(containers.embed(data, name, metadata)))
    else:
        save = pyvips.Image.tiffsave if name == "tiff" else pyvips.Image.heifsave
        save(_dressed(image, like.dpi, _for_encoder(metadata, name)), str(path), keep="all", **options)
        if name == "tiff":
            _add_camera(path, metadata)


def _add_camera(path: Path, metadata: Metadata) -> None:
    """As `_with_camera`, in a file that was just written and has no name yet."""
    with path.open("rb+") as file:
        added = tiff.addition(tiff.reader(file), file.seek(0, 2), metadata.exif, metadata.iptc)
        if added is not None:
            tail, at, pointer = added
            file.seek(0, 2)
            file.write(tail)
            file.seek(at)
            file.write(pointer)


def _save_behind_head(image: Any, path: Path, name: str, metadata: Metadata, options: dict[str, Any]) -> None:
    """Encode into `path`; the metadata goes in behind the first bytes, which stand alike in every file of libvips."""
    head = bytearray()
    with path.open("wb") as file:

        def write(data: bytes) -> int:
            try:
                if len(head) < _HEADS[name]:
                    head.extend(data)
                    if len(head) >= _HEADS[name]:
                        beginning, rest = bytes(head[: _HEADS[name]]), head[_HEADS[name] :]
                        file.write(b"".join(containers.embed(beginning, name, metadata)) + rest)
                else:
                    file.write(data)
            except OSError:  # of which nothing can be told from here but that it failed
                return -1
            return len(data)

        target = pyvips.TargetCustom()
        target.on_write(write)
        _STREAMERS[name](image, target, keep="none", **options)


def _dressed(image: Any, dpi: tuple[float, float] | None, metadata: Metadata) -> Any:
    """The picture with its meaning (grey or colour, depth, resolution) and with what libvips' encoder is to write."""
    x, y = dpi or (72.0, 72.0)
    interpretation = _INTERPRETATIONS[8 if image.format == "uchar" else 16, image.bands < 3]
    image = image.copy(interpretation=interpretation, xres=x / 25.4, yres=y / 25.4)
    for field, block in (
        ("icc-profile-data", metadata.icc),
        ("exif-data", metadata.exif),
        ("xmp-data", metadata.xmp),
        ("iptc-data", metadata.iptc),
    ):
        if block:
            image.set_type(pyvips.GValue.blob_type, field, block)
    return image


def _options(name: str, size: int, quality: int, effort: int | None) -> dict[str, Any]:
    """What each encoder is told about a picture of `size` bytes. `effort` 0 (fast) to 9 (small) where a format knows it."""
    speed = {} if effort is None else {"effort": min(effort, 6 if name == "webp" else 9)}
    if name == "png":
        # Told as differences from the row above, photos are smaller at level 1 than at level 9 without, in a third of the time
        # of level 3 without.
        return {"compression": 1 if effort is None else effort, "filter": "up"}
    if name == "jpeg":
        return {"Q": quality, "optimize_coding": True}
    if name == "webp":
        return {"Q": quality, "lossless": quality == 100, "smart_subsample": True, **speed}
    if name == "avif":
        return {"Q": quality, "lossless": quality == 100, "compression": "av1", **({"effort": 3} | speed)}
    return {
        "compression": "deflate",
        "predictor": "horizontal",
        "level": 3 if effort is None else max(effort, 1),
        "resunit": "inch",
        "bigtiff": size > BIG_TIFF_BYTES,
    }


_SAVERS: dict[str, Any] = {
    "png": pyvips.Image.pngsave_buffer,
    "jpeg": pyvips.Image.jpegsave_buffer,
    "webp": pyvips.Image.webpsave_buffer,
    "avif": pyvips.Image.heifsave_buffer,
    "tiff": pyvips.Image.tiffsave_buffer,
}
_STREAMERS: dict[str, Any] = {"png": pyvips.Image.pngsave_target, "jpeg": pyvips.Image.jpegsave_target}
# PNG: signature and IHDR; JPEG: SOI and, where libvips writes one, the JFIF segment.
_HEADS = {"png": 33, "jpeg": 20}
