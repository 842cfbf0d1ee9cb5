"""A stream of raw frames with their times, in the little of Matroska (RFC 9559) that it takes.

A pipe of bare pixels has no times: frames of a phone's video come when they come. ffmpeg reads this from a pipe, frame by
frame, with the time of each in microseconds.
"""

from __future__ import annotations

import struct

TICK_NS = 1000  # a microsecond
_UNKNOWN = b"\x01\xff\xff\xff\xff\xff\xff\xff"  # a size that is not known when the element begins
# Pixel formats by the codes that libavcodec's raw video knows: three bytes of R, G, B; three words of 16 bits, low byte first.
RGB24, RGB48LE = b"RGB\x18", b"RGB0"


def head(width: int, height: int, deep: bool, rate: float) -> bytes:
    """What stands before the first frame. `deep` is 16 bits a channel instead of 8; `rate` (frames a second) is a hint."""
    video = _element(0xB0, _number(width)) + _element(0xBA, _number(height)) + _element(0x2EB524, RGB48LE if deep else RGB24)
    track = (
        _element(0xD7, _number(1))
        + _element(0x73C5, _number(1))
        + _element(0x83, _number(1))
        + _element(0x9C, _number(0))
        + _element(0x22B59C, b"und")
        + _element(0x23E383, _number(round(1e9 / rate)))
        + _element(0x86, b"V_UNCOMPRESSED")
        + _element(0xE0, video)
    )
    ebml = (
        _element(0x4286, _number(1))
        + _element(0x42F7, _number(1))
        + _element(0x42F2, _number(4))
        + _element(0x42F3, _number(8))
        + _element(0x4282, b"matroska")
        + _element(0x4287, _number(4))
        + _element(0x4285, _number(2))
    )
    info = _element(0x2AD7B1, _number(TICK_NS)) + _element(0x4D80, b"Ganvas") + _element(0x5741, b"Ganvas")
    return (
        _element(0x1A45DFA3, ebml)
        + struct.pack(">I", 0x18538067)
        + _UNKNOWN
        + _element(0x1549A966, info)
        + _element(0x1654AE6B, _element(0xAE, track))
    )


def frame_head(microseconds: int, size: int) -> bytes:
    """What stands before a frame of so many bytes: each frame is a cluster of its own."""
    block = _size(4 + size)
    clock = _element(0xE7, _number(microseconds))
    cluster = _size(len(clock) + 1 + len(block) + 4 + size)
    return struct.pack(">I", 0x1F43B675) + cluster + clock + b"\xa3" + block + b"\x81\0\0\x80"


def _element(identity: int, content: bytes) -> bytes:
    return identity.to_bytes((identity.bit_length() + 7) // 8, "big") + _size(len(content)) + content


def _size(count: int) -> bytes:
    return (count | 1 << 56).to_bytes(8, "big")  # always eight bytes: simple, and long enough for all


def _number(value: int) -> bytes:
    return value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big")
