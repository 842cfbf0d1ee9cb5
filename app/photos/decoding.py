"""Photo files to pixels, by libvips (pyvips), libheif (HEIC), Pillow (BMP) and LibRaw (camera RAW, where rawpy is installed).

What a file is, its bytes tell. Size and honesty of its claim are checked before anything is decoded; a file that is cut off
is refused, not filled with grey. Colours stay in the profile the file carries, which travels along.
"""

from __future__ import annotations

import io
import logging
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyvips
from numpy.typing import NDArray

from app.photos import containers, exif, told_colours
from app.photos.containers import Metadata, png, tiff
from app.photos.formats import EXTENSIONS, FORMATS, HEAD, check_claim, is_moving_avif, sniff
from app.photos.photo import VIDEOS, Photo, PhotoError, PhotoFacts

log = logging.getLogger(__name__)
# libvips reports every damaged row through this logger, beside the exception that is turned into a sentence here.
logging.getLogger("pyvips").setLevel(logging.CRITICAL)
# Loaders that libvips' authors do not trust with hostile files (PDF, SVG and the like) are switched off for good, and
# results are not kept: a file may change between two looks.
pyvips.block_untrusted_set(True)
pyvips.cache_set_max(0)

# A compressed photo of 500 megapixels stays below this; larger files are TIFFs, which are read piece by piece.
MAX_WHOLE_FILE = 2 * 2**30

_LOADERS: dict[str, Callable[..., Any]] = {
    "png": pyvips.Image.pngload_source,
    "jpeg": pyvips.Image.jpegload_source,
    "webp": pyvips.Image.webpload_source,
    "avif": pyvips.Image.heifload_source,
    "tiff": pyvips.Image.tiffload_source,
    "gif": pyvips.Image.gifload_source,
}


def decode(source: Path | bytes) -> Photo:
    """The photo in a file or in bytes, of a video one frame; `PhotoError` says in one sentence why there is none.

    A missing file raises `OSError`.
    """
    if isinstance(source, bytes):
        return _decode(io.BytesIO(source), len(source), _named(source[:HEAD], ""))
    with regular_file(source) as file:
        name = _named(file.read(HEAD), source.suffix)
        if name not in VIDEOS:
            return _decode(file, os.fstat(file.fileno()).st_size, name)
    from app.video.facts import look
    from app.video.reading import still

    return still(source, look(source, name))


def probe(path: Path) -> PhotoFacts:
    """What the head of a file says, without decoding its pixels; errors as in `decode`."""
    with regular_file(path) as file:
        size = os.fstat(file.fileno()).st_size
        name = _named(file.read(HEAD), path.suffix)
        if name in VIDEOS:
            return _probe_video(path, name)
        if name not in _LOADERS:
            return _probe_elsewhere(file, name)
        image = _open(file, name)
        width, height = image.width, image.height
        check_claim(width, height, size)
        if _turn(image, name, file) >= 5:
            width, height = height, width
        _check_numbers(image)
        bands = 3 + image.hasalpha() if image.interpretation == "cmyk" else _kept(image)
        deep = image.format == "ushort" or image.interpretation in _TO_16_BITS
        return PhotoFacts(name, width, height, bands, 16 if deep else 8, _pages(image))


# What libvips calls colours that become sRGB of 16 bits here, whatever numbers they are stored as.
_TO_16_BITS = ("lab", "labs", "xyz", "scrgb")


def is_converted(image: Any) -> bool:
    """Whether its numbers become sRGB's here: what else its file tells of RGB colours is not of them."""
    return image.interpretation in ("cmyk", *_TO_16_BITS)


def _check_numbers(image: Any) -> None:
    """Refuse what holds no colours that can be shown."""
    if image.format not in ("uchar", "ushort") and image.interpretation not in _TO_16_BITS:
        raise PhotoError("It holds numbers that are no 8- or 16-bit colours (a scientific or HDR picture).")


def _probe_video(path: Path, name: str) -> PhotoFacts:
    from app.video.facts import look

    facts = look(path, name)
    return PhotoFacts(name, facts.width, facts.height, 3, 16 if facts.bits > 8 else 8, facts.frames)


def read_packet(path: Path) -> bytes | None:
    """The XMP packet of a picture, extended parts joined; None where there is none or the file is no picture."""
    with regular_file(path) as file:
        size = os.fstat(file.fileno()).st_size
        name = sniff(file.read(HEAD))
        try:
            if name in containers.HANDLED:
                return containers.read(_whole(file, size), name).xmp
            return _metadata(_open(file, name)).xmp if name in _LOADERS else None
        except PhotoError:
            return None


def regular_file(path: Path) -> io.FileIO:
    """The file opened for reading; `PhotoError` where it is no plain file (a folder, a device, a pipe that never ends).

    It is not buffered: libvips reads through the same descriptor, which has one position for all.
    """
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise PhotoError("It is not a file.")
    return io.FileIO(path, "rb")


def _named(head: bytes, suffix: str) -> str:
    """The format by the first bytes. Most camera RAW files are TIFF inside: there the extension decides between the two."""
    if not head:
        raise PhotoError("The file is empty.")
    found = sniff(head)
    if found is None:
        raise PhotoError(
            "It is not a picture that Ganvas knows.",
            "PNG, JPEG, WebP, AVIF, HEIC, TIFF, BMP and GIF can be opened, and by Upscale the usual videos.",
        )
    return "raw" if found == "tiff" and EXTENSIONS.get(suffix.lower().lstrip(".")) == "raw" else found


def _whole(file: IO[bytes], size: int) -> bytes:
    if size > MAX_WHOLE_FILE:
        raise PhotoError("The file is larger than 2 GB.")
    file.seek(0)
    # A raw file may give less than was asked for at once: read until nothing comes.
    return b"".join(iter(lambda: file.read(2**28), b""))


def _decode(file: IO[bytes], size: int, name: str) -> Photo:
    if name in VIDEOS:
        raise PhotoError("A video is read from a file, not from memory.")
    if name == "bmp":
        return _decode_bmp(file, size)
    if name == "heic":
        from app.photos.heic import decode_heic

        return decode_heic(file, size)
    if name == "raw":
        from app.photos.raw import decode_raw

        return decode_raw(file)
    data = _whole(file, size) if name in containers.HANDLED else None
    whole: IO[bytes] = file if data is None else io.BytesIO(data)
    # Before libvips begins: it shares the file's position.
    directory = tiff.first(tiff.reader(file)) if name == "tiff" else tiff.First()
    told = containers.read(data, name) if data is not None else Metadata(exif=directory.exif(), iptc=directory.iptc())
    colours = told_colours.of_tiff(directory) if name == "tiff" else told_colours.read(whole, name, told.exif)
    file.seek(0)
    moving = is_moving_avif(file.read(HEAD))
    image = _open(whole, name, directory=directory)
    check_claim(image.width, image.height, size)
    warnings = []
    if _pages(image) > 1:
        warnings.append(f"This is the first of {_pages(image)} {'frames' if name in ('gif', 'webp') else 'pages'}.")
    # libvips reads only the first picture of these two, and counts no others.
    if name == "png" and data is not None and (frames := png.frames(data)) > 1:
        warnings.append(f"This is the first of {frames} frames.")
    if name == "avif" and moving:
        warnings.append("This is the first picture of an animation.")
    metadata = _metadata(image) if data is None else told
    if name == "tiff":  # libvips leaves both out
        metadata = Metadata(metadata.icc, told.exif, metadata.xmp, told.iptc)
    dpi = exif.read_facts(metadata.exif).dpi or metadata.dpi or (_dpi(image) if name in ("jpeg", "tiff") else None)
    turn = _turn(image, name, whole)
    dpi = dpi[::-1] if dpi and turn >= 5 else dpi  # a fax has other dots across than down, and both lie down with it
    depth = image.get("heif-bitdepth") if image.get_typeof("heif-bitdepth") else 16
    icc = metadata.icc
    if not is_converted(image) and told_colours.counts(colours, name, icc is not None):
        icc = told_colours.dressed(colours, _kept(image) < 3, warnings)
    pixels, icc = _colours(image, name, whole, icc, warnings)
    pixels = upright(full_range(pixels, depth), turn)
    height, width = pixels.shape[:2]
    block = exif.put_right(metadata.exif, width, height, dpi) if metadata.exif else None
    return Photo(pixels, name, icc, block, metadata.xmp, metadata.iptc, dpi, tuple(warnings), metadata.texts)


def _turn(image: Any, name: str, file: IO[bytes]) -> int:
    """The orientation (1 to 8) that is to be applied."""
    if name == "avif":  # libheif turns a picture itself, whatever its EXIF says
        return 1
    if image.get_typeof("orientation"):
        return int(image.get("orientation"))
    # libvips finds EXIF in a PNG file only where it stands before the pixels, in its own kind of chunk.
    return exif.read_facts(png.read_exif(file)).orientation if name == "png" else 1


def _open(file: IO[bytes], name: str, fail_on: str = "error", directory: tiff.First | None = None) -> Any:
    """The lazy picture: its header is read, its pixels are not. `file` must stay alive and open as long as it is used.

    (pyvips forgets a source's memory when the source goes; `file` still holds it.)
    """
    kept = _channels_of_tiff(directory or tiff.first(tiff.reader(file))) if name == "tiff" else None
    if isinstance(file, io.BytesIO):
        source = pyvips.Source.new_from_memory(file.getvalue())
    else:
        file.seek(0)
        source = pyvips.Source.new_from_descriptor(file.fileno())
    first = {"page": 0} if name in ("tiff", "gif", "webp", "avif") else {}
    try:
        image = _LOADERS[name](source, access="sequential", fail_on=fail_on, **first)
    except pyvips.Error as error:
        raise _sentence(error, name, file) from error
    if kept is not None:
        image = image.copy()
        image.set_type(pyvips.GValue.gint_type, _KEPT, kept)
    return image


_KEPT = "ganvas-kept"  # of a grey TIFF with more channels, how many of them are kept
_ODD_TIFF = "It is a TIFF of a kind that cannot be read.", "Save it with 8 or 16 bits, its colours side by side."


def _channels_of_tiff(directory: tiff.First) -> int | None:
    """How many channels of a grey TIFF with more than two are kept, None for all others: libvips tells neither that it is grey
    nor which of them is transparency. Of what is refused here it gives nothing, or noise."""
    tags = tiff.PHOTOMETRIC, tiff.SAMPLES, tiff.PLANES, tiff.TILE_WIDTH, tiff.EXTRA_SAMPLES
    kind, samples, planes, tile, extra = directory.numbers(*tags)
    if planes == 2 and (tile is not None or ((samples or 1) > 1 and kind not in (2, 5))):
        raise PhotoError(*_ODD_TIFF)
    return 1 + (extra in (1, 2)) if kind in (0, 1) and (samples or 1) > 2 else None


def _kept(image: Any) -> int:
    """How many of its channels are kept."""
    return int(image.get(_KEPT)) if image.get_typeof(_KEPT) else min(image.bands, 3 + image.hasalpha())


def _colours(image: Any, name: str, file: IO[bytes], icc: bytes | None, warnings: list[str]) -> tuple[NDArray[Any], bytes | None]:
    """The pixels and the profile that their numbers are in."""
    if name == "jpeg":
        # Amid a JPEG file damage is nothing but a remark to its decoder, which fills in grey; so are oddities that do no harm.
        said: list[str] = []
        try:
            strict, profile = _plain_colour(_open(file, name, "warning"), icc, said)
            pixels = _pixels(strict)
            warnings += said
            return pixels, profile
        except (pyvips.Error, PhotoError) as error:
            if any(words in str(error) for words in ("premature end of data segment", "bad Huffman code")):
                warnings.append("Its JPEG data is damaged: a part of the picture is missing or wrong.")
    plain, profile = _plain_colour(image, icc, warnings)
    try:
        return _pixels(plain), profile
    except pyvips.Error as error:
        raise _sentence(error, name, file) from error


def _pixels(image: Any) -> NDArray[Any]:
    data = image.write_to_memory()
    kind = np.uint16 if image.format == "ushort" else np.uint8
    return np.frombuffer(data, kind).reshape(image.height, image.width, image.bands)


def _sentence(error: pyvips.Error, name: str, file: IO[bytes]) -> PhotoError:
    """Why libvips gave up. What it says cannot be relied on (threads share its words): the file's end is looked at first."""
    text = str(error)
    log.debug("libvips: %s", text)
    ends = ("premature end", "unexpected end", "bad seek", "read error", "insufficient", "truncated", "end of file")
    if name == "tiff" and "bad labq format" in text:  # all of 8 bits are, for libvips
        return PhotoError("It is in Lab colours of 8 bits, which cannot be read.", "Save it as RGB, or as Lab of 16 bits.")
    if name == "tiff" and any(words in text for words in ("not 1 bands", "not a whole number of bytes")):
        return PhotoError(*_ODD_TIFF)
    cut_off = ends_early(file, name)
    if cut_off or (cut_off is None and any(end in text.lower() for end in ends)):
        return PhotoError("It is cut off: the file ends before the picture does.")
    return PhotoError(f"Its {FORMATS[name].title} data is broken.")


def ends_early(file: IO[bytes], name: str) -> bool | None:
    """Whether a file ends without the mark that its format ends with; None where the format has none."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - 4096))
    tail = file.read(4096)
    if name == "png":
        return b"IEND" not in tail
    if name == "jpeg":
        return b"\xff\xd9" not in tail
    if name == "gif":
        return not tail.rstrip(b"\0").endswith(b";")
    if name == "webp":
        file.seek(4)
        return int.from_bytes(file.read(4), "little") + 8 > size
    return None


def _pages(image: Any) -> int:
    return int(image.get("n-pages")) if image.get_typeof("n-pages") else 1


def _dpi(image: Any) -> tuple[float, float] | None:
    """Dots an inch, where the file says a resolution (libvips counts in pixels a millimetre and has 1.0 for unknown)."""
    if not image.get_typeof("resolution-unit") or image.xres <= 0 or image.yres <= 0:
        return None
    x, y = image.xres * 25.4, image.yres * 25.4
    # JPEG without a density has one dot a unit; below that nothing printed makes sense.
    return (round(x, 3), round(y, 3)) if x > 2 and y > 2 else None


def _metadata(image: Any) -> Metadata:
    """What libvips read of a file that `app.photos.containers` does not handle."""
    found: dict[str, Any] = {
        key: bytes(image.get(field))
        for key, field in (("icc", "icc-profile-data"), ("exif", "exif-data"), ("xmp", "xmp-data"), ("iptc", "iptc-data"))
        if image.get_typeof(field)
    }
    if "exif" in found:
        found["exif"] = exif.strip_prefix(found["exif"])
    return Metadata(**found)


def _plain_colour(image: Any, icc: bytes | None, warnings: list[str]) -> tuple[Any, bytes | None]:
    """Grey or RGB with or without alpha, 8 or 16 bits, and the profile that its numbers are in."""
    _check_numbers(image)
    try:
        if image.interpretation == "cmyk":
            bits = 16 if image.format == "ushort" else 8
            # Beside inks of 16 bits libvips takes transparency for one of 8 and makes nearly all of it opaque: it goes around.
            beside = image[4 : image.bands] if image.bands > 4 else None
            image = image[0:4].icc_transform("srgb", embedded=True, input_profile="cmyk", depth=bits)
            image = image if beside is None else image.bandjoin(beside)
            warnings.append("Its CMYK colours were converted to sRGB.")
            icc = None
        elif image.interpretation in _TO_16_BITS:
            if image.interpretation == "scrgb":
                warnings.append("Its linear light was converted to sRGB of 16 bits; what is brighter than white became white.")
            else:
                warnings.append("Its Lab or XYZ colours were converted to sRGB of 16 bits.")
            image = image.colourspace("rgb16")
            icc = None
        if image.bands > (kept := _kept(image)):
            warnings.append(f"Of its {image.bands} channels the first {f'{kept} were' if kept > 1 else 'was'} kept.")
            image = image[0:kept]
    except pyvips.Error as error:
        raise PhotoError("Its colours cannot be converted to sRGB.") from error
    return image, _fitting(icc, image.bands, warnings)


def _fitting(icc: bytes | None, channels: int, warnings: list[str]) -> bytes | None:
    if icc is not None and icc[16:20] != (b"GRAY" if channels < 3 else b"RGB "):
        warnings.append("Its colour profile does not fit its channels and was left out.")
        return None
    return icc


def full_range(pixels: NDArray[Any], bits: int) -> NDArray[Any]:
    """Pixels of 9 to 15 bits that a decoder shifted up to 16: their upper bits fill the empty lower ones, so white is white."""
    return pixels | (pixels >> bits) if pixels.dtype == np.uint16 and 8 < bits < 16 else pixels


def upright(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Pixels `[H, W, C]` turned and mirrored as EXIF's orientation 1 to 8 asks, contiguous."""
    if orientation >= 5:
        pixels = pixels.transpose(1, 0, 2)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)


def _probe_elsewhere(file: IO[bytes], name: str) -> PhotoFacts:
    if name == "bmp":
        image = _open_bmp(file)
        return PhotoFacts("bmp", image.width, image.height, len(image.getbands()), 8)
    if name == "heic":
        from app.photos.heic import probe_heic

        return probe_heic(file)
    from app.photos.raw import probe_raw

    return probe_raw(file)


def _open_bmp(file: IO[bytes]) -> Any:
    from PIL import BmpImagePlugin

    file.seek(0)
    try:
        return BmpImagePlugin.BmpImageFile(file)
    except (OSError, SyntaxError, ValueError) as error:
        raise PhotoError("Its BMP data is broken.") from error


def _decode_bmp(file: IO[bytes], size: int) -> Photo:
    image = _open_bmp(file)
    check_claim(image.width, image.height, size)
    dpi = image.info.get("dpi")
    try:
        image.load()
        wanted = {"1": "L", "P": "RGB", "RGBX": "RGB"}.get(image.mode, image.mode)
        pixels = np.array(image.convert(wanted))
    except (OSError, ValueError) as error:
        raise PhotoError("It is cut off: the file ends before the picture does.") from error
    warnings: list[str] = []
    pixels = np.atleast_3d(pixels)
    channels = pixels.shape[2]
    icc = told_colours.profile_of_bmp(file) or told_colours.dressed(told_colours.read(file, "bmp"), channels < 3, warnings)
    icc = _fitting(icc, channels, warnings)
    return Photo(pixels, "bmp", icc, dpi=dpi if dpi and min(dpi) > 2 else None, warnings=tuple(warnings))
