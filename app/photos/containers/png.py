"""PNG (W3C, third edition): iCCP, pHYs, eXIf, texts (tEXt, zTXt, iTXt), iTXt with XMP, and IPTC in the text chunk that
ImageMagick and ExifTool use.

Before there was eXIf (and for long behind it, in what is built on Exiv2) EXIF stood in such a text chunk, too: it is read there.
"""

from __future__ import annotations

import binascii
import re
import struct
import zlib
from collections.abc import Iterator
from typing import IO

from app.photos.containers.metadata import MAX_PART, MAX_TEXTS, Metadata, Part
from app.photos.exif import strip_prefix
from app.photos.photo import Text

SIGNATURE = b"\x89PNG\r\n\x1a\n"
XMP_KEY, IPTC_KEY = b"XML:com.adobe.xmp", b"Raw profile type iptc"
MAX_CHUNKS = 200_000  # of 8 KB, as libpng writes them, in more than a GB
EXIF_KEYS = (b"Raw profile type exif", b"Raw profile type APP1")
TEXTS = (b"tEXt", b"zTXt", b"iTXt")
PACKED_FROM = 1024  # bytes of a text that is worth to be packed
BROKEN_COSTS = MAX_TEXTS // 64  # so many that unpack to too much are tried, and no more
MAX_KEY = 79


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """(type, start, end) of every whole chunk; `start` is at its length field."""
    at = len(SIGNATURE)
    while at + 12 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        end = at + 12 + size
        if end > len(data):
            return
        yield data[at + 4 : at + 8], at, end
        at = end


def frames(data: bytes) -> int:
    """How many pictures an animated PNG says it has; 1 of any other."""
    for kind, start, _ in _chunks(data):
        if kind == b"acTL":
            return int.from_bytes(data[start + 8 : start + 12], "big")
        if kind == b"IDAT":
            break
    return 1


def before_pixels(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Type and body of every chunk in front of the pixels; `data` may end anywhere behind them."""
    for kind, start, end in _chunks(data):
        if kind == b"IDAT":
            return
        yield kind, data[start + 8 : end - 4]


def read_exif(file: IO[bytes]) -> bytes | None:
    """EXIF of a file, wherever it stands, without a look at the pixels."""
    found, at, room = [SIGNATURE], len(SIGNATURE), MAX_PART
    for _ in range(MAX_CHUNKS):
        file.seek(at)
        head = file.read(8)
        if len(head) < 8 or head[4:] == b"IEND":
            break
        size = int.from_bytes(head[:4], "big") + 4
        if head[4:] in (b"eXIf", b"zTXt", b"tEXt") and size <= room:
            found.append(head + file.read(size))
            room -= size
        at += 8 + size
    return read(b"".join(found)).exif


def _inflate(packed: bytes, most: int = MAX_PART) -> bytes | None:
    """Unpacked bytes, or None where they are broken or more than `most`."""
    try:
        unpacker = zlib.decompressobj()
        out = unpacker.decompress(packed, most)
    except zlib.error:
        return None
    return out if unpacker.eof else None


def read(data: bytes) -> Metadata:
    icc = exif = old = xmp = iptc = dpi = None
    texts: list[Text] = []
    room = MAX_TEXTS
    for kind, start, end in _chunks(data):
        if kind not in (b"iCCP", b"pHYs", b"eXIf", *TEXTS) or end - start > MAX_PART:
            continue
        body = data[start + 8 : end - 4]
        key, _, rest = body.partition(b"\0")
        if kind == b"iCCP":
            icc = icc or _inflate(rest[1:])
        elif kind == b"pHYs":
            dpi = dpi or _dpi(body)
        elif kind == b"eXIf":
            exif = exif or strip_prefix(body)
        elif kind == b"iTXt" and key == XMP_KEY:
            xmp = xmp or _international(rest)
        elif key == IPTC_KEY or key in EXIF_KEYS:
            raw = _unhex((_inflate(rest[1:]) if kind == b"zTXt" else rest) or b"")
            if key == IPTC_KEY:
                iptc = iptc or raw
            elif raw and strip_prefix(raw)[:4] in (b"II*\0", b"MM\0*"):  # APP1 may hold XMP as well
                old = old or strip_prefix(raw)
        elif (room := room - len(body)) > 0:
            text = _text(kind, key, rest, room)
            room -= len(text.text) if text else BROKEN_COSTS
            texts += [text] if text else []
    return Metadata(icc, exif or old, xmp, iptc, dpi, tuple(texts))


def _text(kind: bytes, key: bytes, rest: bytes, most: int) -> Text | None:
    """A text chunk's words; None where it is broken, or longer than `most` bytes."""
    name = key.decode("latin-1")
    if not 0 < len(key) <= MAX_KEY:
        return None
    try:
        if kind != b"iTXt":
            words = _inflate(rest[1:], most) if kind == b"zTXt" else rest
            return Text(name, words.decode("latin-1")) if words is not None and len(words) <= most else None
        language, translated, packed = rest[2:].split(b"\0", 2)
        words = _inflate(packed, most) if rest[:1] == b"\1" else packed
        if words is None or len(words) > most:
            return None
        return Text(name, words.decode(), language.decode("latin-1"), translated.decode())
    except ValueError:
        return None


def _dpi(body: bytes) -> tuple[float, float] | None:
    """Dots an inch of a pHYs chunk that counts in dots a metre (otherwise it tells the shape of a dot alone)."""
    if len(body) != 9 or body[8] != 1:
        return None
    x, y = struct.unpack(">II", body[:8])
    return (round(x * 0.0254, 1), round(y * 0.0254, 1)) if x and y else None


def _international(rest: bytes) -> bytes | None:
    """The text of an iTXt chunk after its keyword: compressed flag, method, language, translated keyword, text."""
    texts = rest[2:].split(b"\0", 2)
    if len(texts) < 3:
        return None
    return _inflate(texts[2]) if rest[:1] == b"\1" else texts[2]


def _unhex(text: bytes) -> bytes | None:
    """ImageMagick's raw profile: a line with its name, one with its length, then hexadecimal digits in lines."""
    # Not the digits too: spaces among them cost it time by their square.
    found = re.match(rb"\s*(?:iptc|exif|APP1|generic profile)\s+(\d{1,9})\s", text)
    if not found:
        return None
    try:
        return binascii.unhexlify(b"".join(text[found.end() :].split()))[: int(found[1])] or None
    except binascii.Error:
        return None


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


_OWN = (b"iCCP", b"eXIf", b"sRGB", b"gAMA", b"cHRM", b"cICP", *TEXTS)


def embed(data: bytes, metadata: Metadata) -> list[Part]:
    view, parts, at = memoryview(data), [], len(SIGNATURE)
    head: list[Part] = [view[: len(SIGNATURE)]]
    for kind, start, end in _chunks(data):
        at = end
        if kind == b"IHDR":
            head += [view[start:end], *_own_chunks(metadata)]
        elif kind not in _OWN:
            parts.append(view[start:end])
    return [*head, *parts, view[at:]]


def _own_chunks(metadata: Metadata) -> Iterator[bytes]:
    if metadata.icc:
        yield _chunk(b"iCCP", b"ICC profile\0\0" + zlib.compress(metadata.icc))
    if metadata.exif:
        yield _chunk(b"eXIf", metadata.exif)
    if metadata.xmp:
        yield _chunk(b"iTXt", XMP_KEY + b"\0\0\0\0\0" + metadata.xmp)
    if metadata.iptc:
        digits = binascii.hexlify(metadata.iptc).decode()
        lines = "\n".join(digits[i : i + 72] for i in range(0, len(digits), 72))
        text = f"\niptc\n{len(metadata.iptc):8d}\n{lines}\n".encode()
        yield _chunk(b"zTXt", IPTC_KEY + b"\0\0" + zlib.compress(text))
    for one in metadata.texts:
        yield _text_chunk(one)


def _text_chunk(text: Text) -> bytes:
    """The oldest kind of chunk that holds a text: more programs read it."""
    key = text.key.encode("latin-1") + b"\0"
    latin = None if text.language or text.translated else _in_latin(text.text)
    words = text.text.encode() if latin is None else latin
    packed = len(words) >= PACKED_FROM
    data = zlib.compress(words) if packed else words
    if latin is not None:
        return _chunk(b"zTXt", key + b"\0" + data) if packed else _chunk(b"tEXt", key + data)
    head = bytes((packed, 0)) + text.language.encode("latin-1") + b"\0" + text.translated.encode() + b"\0"
    return _chunk(b"iTXt", key + head + data)


def _in_latin(text: str) -> bytes | None:
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return None
