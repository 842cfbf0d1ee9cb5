"""Reader of OpenVINO's intermediate representation: an `.xml` that describes a graph, and a `.bin` that holds its constants.

Only the constants are read; the graph itself is never followed. Format: OpenVINO documentation, "OpenVINO IR format" (opset
7 to 15): `net/layers/layer`, a `Const` layer has `<data element_type shape offset size>`, its value being `size` bytes at
`offset` of the `.bin`, little-endian, C order.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from xml.etree.ElementTree import Element, ParseError

import numpy as np
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring
from numpy.typing import NDArray

from models.errors import CheckpointError

# Graph descriptions of real networks are below 2 MB; parsing takes about 20 times the text's size in memory.
XML_BYTES = 32 << 20
LAYERS = 100_000
DIMENSIONS = 8
FLOATS: dict[str, np.dtype[np.floating[Any]]] = {"f32": np.dtype("<f4"), "f16": np.dtype("<f2"), "f64": np.dtype("<f8")}


@dataclass(frozen=True, eq=False)
class Constant:
    """A constant of the graph: the name it bears there ("" if none), where it lies in the `.bin`, and its value (a view)."""

    name: str
    offset: int
    value: NDArray[np.floating[Any]]


def is_openvino(xml: bytes) -> bool:
    """Whether these first bytes of a file begin an OpenVINO graph."""
    head = xml[:4096].lstrip(b"\xef\xbb\xbf \t\r\n")
    return head.startswith((b"<?xml", b"<net")) and b"<net " in head


def read_constants(xml: bytes, blob: bytes) -> list[Constant]:
    """The floating point constants of a graph in the order in which they lie in the `.bin`. Nothing is copied.

    A constant's name is that of its output port, where the optimizer keeps the name a weight had in training, else that of its
    layer. `CheckpointError` where the description is not well-formed, or speaks of bytes that are not there.
    """
    if len(xml) > XML_BYTES:
        raise _broken(f"its description has {len(xml):,} bytes, and {XML_BYTES:,} are the limit")
    try:
        net = fromstring(xml, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise _broken(f"its description is not well-formed XML ({type(error).__name__})") from error
    layers = net.find("layers")
    if net.tag != "net" or layers is None:
        raise _broken("its description holds no network")
    if len(layers) > LAYERS:
        raise _broken(f"it has {len(layers):,} layers, and {LAYERS:,} are the limit")
    return sorted(_constants(layers, blob), key=lambda constant: constant.offset)


def _constants(layers: Element, blob: bytes) -> Iterator[Constant]:
    for layer in layers:
        data = layer.find("data")
        if layer.get("type") != "Const" or data is None:
            continue
        dtype = FLOATS.get(data.get("element_type", ""))
        if dtype is None:  # whole numbers are the plumbing of shapes
            continue
        shape = tuple(_number(part) for part in data.get("shape", "").split(",") if part.strip())
        offset, size = _number(data.get("offset", "")), _number(data.get("size", ""))
        if len(shape) > DIMENSIONS or math.prod(shape) * dtype.itemsize != size:
            raise _broken("a constant's size is not that of its shape")
        if offset + size > len(blob):
            raise _broken(f"a constant lies at byte {offset + size:,} of a .bin file of {len(blob):,} bytes")
        value = np.frombuffer(blob, dtype, size // dtype.itemsize, offset) if size else np.zeros(0, dtype)
        port = layer.find("output/port")
        name = (port.get("names") if port is not None else None) or layer.get("name") or ""
        yield Constant(name, offset, value.reshape(shape))


def _number(text: str) -> int:
    stripped = text.strip()
    if not (stripped.isascii() and stripped.isdecimal() and len(stripped) <= 18):
        raise _broken(f"{stripped[:40]!r} stands where a count belongs")
    return int(stripped)


def _broken(reason: str) -> CheckpointError:
    return CheckpointError("This OpenVINO model cannot be read.", f"Reason: {reason}.", "Fetch the file again.")
