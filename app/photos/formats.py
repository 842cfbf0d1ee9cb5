"""Picture formats: told by their first bytes, never by an extension; what each can hold; what each is called."""

from __future__ import annotations

from dataclasses import dataclass

from app.photos.photo import PhotoError

# A photo of 500 megapixels is larger than any camera's and takes 1.5 GB: more than that is refused before it is decoded.
MAX_PIXELS = 500_000_000
# A small file that claims a huge picture fills the memory with nothing: beyond 64 megapixels a file must hold at least
# a byte for every 400 pixels. (The flattest JPEG or WebP photos that were seen hold one for every 60.)
BOMB_PIXELS, BOMB_RATIO = 64_000_000, 400
MAX_VIDEO_SIDE = 16_384  # of H.264's pictures in what writes and plays them
# Bytes that are looked at to tell a format: two packets of an MPEG transport stream, and where the third begins.
HEAD = 400


@dataclass(frozen=True)
class Format:
    """One picture format. `side` is the largest width or height in pixels, `bits` the depths that can be written."""

    name: str
    title: str
    extensions: tuple[str, ...]
    side: int
    bits: tuple[int, ...] = ()
    alpha: bool = False
    lossy: bool = False

    @property
    def writable(self) -> bool:
        return bool(self.bits)


FORMATS: dict[str, Format] = {
    f.name: f
    for f in (
        Format("png", "PNG", ("png",), 2**31 - 1, (8, 16), alpha=True),
        Format("jpeg", "JPEG", ("jpg", "jpeg", "jpe", "jfif"), 65_535, (8,), lossy=True),
        Format("webp", "WebP", ("webp",), 16_383, (8,), alpha=True, lossy=True),
        Format("avif", "AVIF", ("avif",), 16_384, (8,), alpha=True, lossy=True),
        Format("tiff", "TIFF", ("tif", "tiff"), 2**31 - 1, (8, 16), alpha=True),
        Format("heic", "HEIC", ("heic", "heif", "hif"), 16_384),
        Format("bmp", "BMP", ("bmp", "dib"), 2**31 - 1),
        Format("gif", "GIF", ("gif",), 65_535),
        Format("mp4", "MP4", ("mp4", "m4v"), MAX_VIDEO_SIDE),
        Format("mov", "QuickTime", ("mov",), MAX_VIDEO_SIDE),
        Format("mkv", "Matroska", ("mkv",), MAX_VIDEO_SIDE),
        Format("webm", "WebM", ("webm",), MAX_VIDEO_SIDE),
        Format("avi", "AVI", ("avi",), MAX_VIDEO_SIDE),
        Format("ts", "MPEG transport stream", ("ts", "mts", "m2ts"), MAX_VIDEO_SIDE),
        Format("mpg", "MPEG", ("mpg", "mpeg", "vob"), MAX_VIDEO_SIDE),
        Format("wmv", "Windows Media", ("wmv", "asf"), MAX_VIDEO_SIDE),
        Format("flv", "Flash video", ("flv",), MAX_VIDEO_SIDE),
        Format("raw", "camera RAW", ("dng", "nef", "cr2", "cr3", "arw", "orf", "rw2", "raf", "pef", "srw"), 65_535),
    )
}
EXTENSIONS: dict[str, str] = {extension: f.name for f in FORMATS.values() for extension in f.extensions}
ALIASES = {"jpg": "jpeg", "tif": "tiff", "heif": "heic"}


def writable(name: str) -> Format:
    """The format called `name` ("jpg", "JPEG", "tif" ...) that can be written; `PhotoError` names those that can."""
    found = FORMATS.get(ALIASES.get(name.lower().lstrip("."), name.lower().lstrip(".")))
    if found is None or not found.writable:
        names = ", ".join(f.name for f in FORMATS.values() if f.writable)
        raise PhotoError(f"Ganvas cannot write {name!r} files.", f"Choose one of {names}.")
    return found


def is_moving_avif(head: bytes) -> bool:
    """Whether these first bytes are those of an AVIF whose pictures follow each other in time."""
    return head[4:12] == b"ftypavis"


def sniff(head: bytes) -> str | None:
    """The format that the first `HEAD` bytes of a file show, or None where they are no picture that is known."""
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if head.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return "avi"
    if head[:4] == b"\x1a\x45\xdf\xa3":  # EBML: the document's kind stands near the beginning
        return "webm" if b"webm" in head else "mkv" if b"matroska" in head else None
    if head[:4] == b"\0\0\1\xba":
        return "mpg"
    if head[:16] == _ASF:
        return "wmv"
    if head[:4] == b"FLV\1":
        return "flv"
    if _is_transport_stream(head):
        return "ts"
    if head[:6] in (b"GIF87a", b"GIF89a"):
        return "gif"
    if head[:2] == b"BM" and len(head) > 18 and head[14:18] in (b"\x0c\0\0\0", b"(\0\0\0", b"l\0\0\0", b"|\0\0\0", b"@\0\0\0"):
        return "bmp"
    if head[4:8] == b"ftyp":
        return _iso_brand(head)
    if head[4:8] in (b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"):
        return "mov"  # QuickTime files of before there were brands
    if head[:15] == b"FUJIFILMCCD-RAW" or head[:4] in (b"IIRO", b"MMOR", b"IIU\0"):
        return "raw"
    if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return "raw" if head[8:10] == b"CR" else "tiff"
    return None


_ASF = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")  # GUID of its header object


def _is_transport_stream(head: bytes) -> bool:
    """Packets of 188 bytes that begin with 0x47, behind a time of four bytes each where a camera (AVCHD) or a disc wrote them."""
    return any(head[at : at + 2 * step + 1 : step] == b"GGG" for at, step in ((0, 188), (4, 192)))


# The first three letters of the brands that MP4 files of cameras, phones and editors bear.
_MOVIES = (b"iso", b"mp4", b"avc", b"M4V", b"das", b"3gp", b"3g2", b"mmp", b"f4v", b"F4V", b"MSN", b"XAV", b"hvc", b"av0")


def _iso_brand(head: bytes) -> str | None:
    """ISO base media files (ISO/IEC 23008-12): the major brand, or the first compatible one that is known."""
    brands = [head[8:12]] + [head[i : i + 4] for i in range(16, min(len(head), int.from_bytes(head[:4], "big")) - 3, 4)]
    known = {b"avif": "avif", b"avis": "avif", b"crx ": "raw"}
    known |= dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"), "heic")
    found = [known[brand] for brand in brands if brand in known]
    # `mif1` alone says "an image"; AVIF files list it too, so a more exact brand counts first.
    if found:
        return "avif" if "avif" in found else found[0]
    if brands[0] in (b"M4A ", b"M4B ", b"M4P ", b"F4A "):
        return None  # sound alone
    return "mov" if brands[0] == b"qt  " else "mp4" if any(brand[:3] in _MOVIES for brand in brands) else None


def check_claim(width: int, height: int, size: int) -> None:
    """Refuse a picture whose claimed pixels are too many, or far more than its `size` in bytes can honestly hold."""
    pixels = width * height
    if pixels > MAX_PIXELS:
        raise PhotoError(f"It claims {pixels / 1e6:,.0f} megapixels; Ganvas opens photos up to {MAX_PIXELS / 1e6:.0f}.")
    if pixels > BOMB_PIXELS and pixels > size * BOMB_RATIO:
        raise PhotoError(f"It claims {pixels / 1e6:,.0f} megapixels but holds only {size / 1e6:.1f} MB, so it was not unpacked.")


def refusal(name: str, width: int, height: int) -> str | None:
    """Why a picture of this size cannot be written as `name`, with what to do; None where it can."""
    kind = FORMATS[name]
    if max(width, height) <= kind.side:
        return None
    larger = "PNG or TIFF" if max(width, height) > FORMATS["jpeg"].side else "JPEG, PNG or TIFF"
    return f"{kind.title} holds at most {kind.side:,} pixels a side, this would be {width:,} x {height:,}: choose {larger}."
