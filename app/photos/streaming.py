"""Results too large to be held whole: rows go in as they are made, a file comes out.

libvips' encoders pull their pixels. They are given a PNG stream that is written here row by row (stored, not compressed: that
carries any depth and any channels at memory speed), and read it on a thread of their own as it grows.
"""

from __future__ import annotations

import queue
import struct
import threading
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import pyvips
from numpy.typing import NDArray

from app.photos.encoding import save_stream
from app.photos.finishing import Finish, finished
from app.photos.photo import Photo, PhotoError
from app.photos.resizing import to_image

# Pieces of rows that may wait for the encoder, and how large they are: each is copied on its way, twice where it has 16 bits.
WAITING, PIECE_BYTES = 2, 16 << 20
_COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Shape:
    """What will be written: size in pixels, channels 1 to 4, uint8 or uint16."""

    width: int
    height: int
    channels: int
    dtype: Any


class StripWriter:
    """Writes a photo of `shape` strip by strip into `path`, in the size `out` (where it differs, it is resized on the way).

    A context manager: what is at `path` when the block ends well is a finished file (the caller places it). `like` gives
    profile, metadata and resolution; its pixels count where `finish` needs the plain resize.
    """

    def __init__(
        self,
        path: Path,
        shape: Shape,
        like: Photo,
        format: str,
        out: tuple[int, int] | None = None,
        quality: int = 92,
        finish: Finish | None = None,
    ) -> None:
        self._shape, self._rows = shape, 0
        self._strips: queue.Queue[NDArray[Any] | None] = queue.Queue(WAITING)
        self._failure: BaseException | None = None
        self._stopped = threading.Event()
        self._stream = self._png()
        self._ready = memoryview(b"")
        self._thread = threading.Thread(
            target=self._encode, args=(path, like, format, out, quality, finish or Finish()), name="photo writer", daemon=True
        )

    def __enter__(self) -> StripWriter:
        self._thread.start()
        return self

    def write(self, strip: NDArray[Any]) -> None:
        """Append rows `[h, W, C]`; waits while the encoder has enough. Raises what the encoder failed with."""
        if strip.shape[1:] != (self._shape.width, self._shape.channels):
            raise ValueError(f"a strip of {strip.shape[1:]} in a photo of {self._shape}")
        self._rows += strip.shape[0]
        rows = max(1, PIECE_BYTES // strip[:1].nbytes)
        for top in range(0, strip.shape[0], rows):
            self._put(strip[top : top + rows])

    def _put(self, strip: NDArray[Any] | None) -> None:
        while not self._stopped.is_set():
            try:
                self._strips.put(strip, timeout=0.5)
                return
            except queue.Full:
                continue
        if self._failure is not None:
            raise self._failure

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None and self._rows != self._shape.height:
            error = ValueError(f"{self._rows} rows were written of {self._shape.height}")
        if kind is not None or error is not None:
            self._stopped.set()
            self._thread.join()
            if kind is None and error is not None:
                raise error
            return
        self._put(None)
        self._thread.join()
        if self._failure is not None:
            raise self._failure

    def _encode(self, path: Path, like: Photo, format: str, out: tuple[int, int] | None, quality: int, finish: Finish) -> None:
        try:
            source = pyvips.SourceCustom()
            source.on_read(self._read)
            image = pyvips.Image.pngload_source(source, access="sequential", fail_on="error")
            image = finished(image, to_image(like.pixels), out or (image.width, image.height), finish)
            save_stream(image, path, like, format, quality)
        except pyvips.Error as error:
            reason = str(error).strip().splitlines()[-1].strip()
            self._failure = _trouble_of_disk(path) or PhotoError(f"It could not be written: {reason}.")
        except BaseException as error:
            self._failure = error
        finally:
            self._stopped.set()

    def _read(self, size: int) -> bytes:
        """Called by libvips on its own thread: the next bytes of the stream, none at its end."""
        while not len(self._ready):
            piece = next(self._stream, None)
            if piece is None:
                return b""
            self._ready = memoryview(piece)
        taken, self._ready = self._ready[:size], self._ready[size:]
        return bytes(taken)

    def _png(self) -> Iterator[bytes]:
        shape = self._shape
        bits = np.dtype(shape.dtype).itemsize * 8
        yield b"\x89PNG\r\n\x1a\n"
        yield _chunk(b"IHDR", struct.pack(">IIBBBBB", shape.width, shape.height, bits, _COLOUR_TYPES[shape.channels], 0, 0, 0))
        packer = zlib.compressobj(0)
        while (strip := self._next()) is not None:
            # Every row of a PNG begins with the number of its filter: 0 is none.
            rows = np.zeros((strip.shape[0], 1 + shape.width * shape.channels * bits // 8), np.uint8)
            flat = np.ascontiguousarray(strip.astype(">u2") if bits == 16 else strip)
            rows[:, 1:] = flat.reshape(strip.shape[0], -1).view(np.uint8)
            data = rows.data.cast("B")
            for at in range(0, len(data), _CHUNK):
                yield _chunk(b"IDAT", packer.compress(data[at : at + _CHUNK]))
        yield _chunk(b"IDAT", packer.flush())
        yield _chunk(b"IEND", b"")

    def _next(self) -> NDArray[Any] | None:
        while not self._stopped.is_set():
            try:
                return self._strips.get(timeout=0.5)
            except queue.Empty:
                continue
        return None


def _trouble_of_disk(path: Path) -> OSError | None:
    """Why no more can be written into a file that failed (no room, as a rule): libvips' encoders say it each in its own words, or
    not at all."""
    try:
        with path.open("ab") as file:
            file.write(bytes(1 << 20))
    except OSError as error:
        return error
    return None


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(body, zlib.crc32(kind)))
