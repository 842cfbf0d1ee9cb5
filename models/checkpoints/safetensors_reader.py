"""safetensors: eight bytes of header length, a JSON header, then raw tensors. Nothing in it can be code.

Format: https://huggingface.co/docs/safetensors. We read it ourselves so that tensors stay pages of the mapped file, and so that
every length is held against the bytes present.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import torch

from models.checkpoints.source import Source
from models.checkpoints.tensors import tensor_at
from models.errors import CheckpointError

LONGEST_HEADER = 32 << 20  # a hundred thousand tensors need about 10 MB
MOST_DIMENSIONS = 8

_DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}


@dataclass(frozen=True, eq=False)
class Stored:
    """A safetensors file: its tensors by name, and the texts of `__metadata__`."""

    tensors: dict[str, torch.Tensor]
    metadata: dict[str, str]


def looks_like_safetensors(head: bytes, size: int) -> bool:
    """Whether a file that begins with `head` and has `size` bytes is safetensors, complete or not."""
    return len(head) >= 9 and head[8:9] == b"{" and 2 <= int.from_bytes(head[:8], "little") < 1 << 40 and size > 9


def read_safetensors(source: Source) -> Stored:
    """Tensors and metadata; `CheckpointError` where lengths, offsets or types don't hold."""
    length = int.from_bytes(source.data[:8], "little")
    if length > LONGEST_HEADER or 8 + length > source.size:
        raise _broken(source, f"its header should have {length:,} bytes, but the file has {source.size:,}")
    try:
        header = json.loads(bytes(source.data[8 : 8 + length]), object_pairs_hook=_no_name_twice)
    except (ValueError, RecursionError) as error:
        raise _broken(source, "its header is no JSON") from error
    if not isinstance(header, dict):
        raise _broken(source, "its header is no list of tensors")
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(text, str) for text in metadata.values()):
        raise _broken(source, "its metadata are no texts")
    start = 8 + length
    spans = sorted((*_span(source, name, entry), name) for name, entry in header.items())
    reached = 0
    for begin, end, name in spans:
        if begin != reached:
            raise _broken(source, f"the bytes of {name[:80]} overlap with others or leave a gap")
        reached = end
    if start + reached != source.size:
        raise _broken(source, f"its tensors need {start + reached:,} bytes, but the file has {source.size:,}")
    tensors = {name: _tensor(source, start + begin, header[name], end - begin) for begin, end, name in spans}
    return Stored(tensors, metadata)


def _span(source: Source, name: str, entry: Any) -> tuple[int, int]:
    """First byte and the one after the last, checked against type and shape."""
    try:
        dtype, shape, (begin, end) = entry["dtype"], entry["shape"], entry["data_offsets"]
        numbers = [*shape, begin, end]
    except (TypeError, KeyError, ValueError) as error:
        raise _broken(source, f"the entry of {name[:80]} is incomplete") from error
    if dtype not in _DTYPES:
        raise _broken(source, f"{name[:80]} has the number format {str(dtype)[:20]}, which is not known")
    if len(shape) > MOST_DIMENSIONS or not all(type(n) is int and 0 <= n <= source.size for n in numbers):
        raise _broken(source, f"{name[:80]} has an impossible size")
    count = _DTYPES[dtype].itemsize
    for side in shape:
        count *= side
    if end - begin != count:
        raise _broken(source, f"{name[:80]} should have {count:,} bytes, but has {end - begin:,}")
    return begin, end


def _tensor(source: Source, offset: int, entry: Any, length: int) -> torch.Tensor:
    return tensor_at(source.data, offset, length, _DTYPES[entry["dtype"]]).reshape(entry["shape"])


def _no_name_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def _broken(source: Source, why: str) -> CheckpointError:
    return CheckpointError(f"{source.name} is a safetensors file that is damaged.", f"In it {why}.", "Get it once more.")
