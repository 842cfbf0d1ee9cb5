"""What a picture file can carry besides pixels."""

from __future__ import annotations

from dataclasses import dataclass

from app.photos.photo import Text

Part = bytes | memoryview

# Profiles of printers reach 3 MB, XMP with a depth map or a long editing history some 10 MB: more is not read.
MAX_PART = 64 * 2**20
MAX_TEXTS = 4 * 2**20  # all of them together: what a picture was made by is some KB
COMMENT = "Comment"  # the key of a text that has none


@dataclass(frozen=True)
class Metadata:
    """`icc` a profile, `exif` a TIFF block (no prefix), `xmp` a packet (extended parts already joined), `iptc` IIM records;
    `dpi` what a PNG says in a chunk of its own, and what a JPEG is to say in its head (libvips sees to the others); `texts` what
    PNG and JPEG hold of those."""

    icc: bytes | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    iptc: bytes | None = None
    dpi: tuple[float, float] | None = None
    texts: tuple[Text, ...] = ()
