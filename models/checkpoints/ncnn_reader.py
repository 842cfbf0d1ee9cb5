"""ncnn: a text `.param` that lists layers, and a `.bin` with their numbers in the same order.

Format: ncnn's wiki, "param and model file structure". A convolution's weights begin with a flag (0: float32, 0x01306B47:
float16 filled up to four bytes); biases and slopes are float32 without one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.errors import CheckpointError

MAGIC = b"7767517"
LONGEST_PARAM = 16 << 20  # real ones stay below 1 MB
MOST_LAYERS = 50_000
_FLOAT16, _FLOAT32 = 0x01306B47, 0
_OTHER_FLAGS = {0x000D4B38: "8-bit whole numbers", 0x0002C056: "scaled float32"}
_WITHOUT_NUMBERS = frozenset(
    ("Input", "Split", "Concat", "BinaryOp", "Eltwise", "Interp", "PixelShuffle", "ReLU", "Sigmoid", "TanH", "Clip", "UnaryOp")
)

Value = int | float | tuple[float, ...]
Array = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Layer:
    """One layer: what it is, the blobs it takes and gives, its settings by number, and its arrays by name."""

    kind: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    settings: dict[int, Value]
    arrays: dict[str, Array] = field(default_factory=dict)

    def whole(self, key: int, otherwise: int = 0) -> int:
        """The setting as a whole number, `otherwise` where it is not given."""
        value = self.settings.get(key, otherwise)
        if isinstance(value, tuple) or value != int(value):
            raise CheckpointError("The ncnn model is damaged.", f"Setting {key} of {self.name[:40]} is no whole number.")
        return int(value)

    def real(self, key: int, otherwise: float = 0.0) -> float:
        """The setting as a number, `otherwise` where it is not given."""
        value = self.settings.get(key, otherwise)
        if isinstance(value, tuple):
            raise CheckpointError("The ncnn model is damaged.", f"Setting {key} of {self.name[:40]} is no number.")
        return float(value)

    def row(self, key: int) -> tuple[float, ...]:
        """An array among the settings (keys -23300 and below, here counted from 0); empty where it is not given."""
        value = self.settings.get(-23300 - key, ())
        return value if isinstance(value, tuple) else (float(value),)


def looks_like_ncnn(head: bytes) -> bool:
    """Whether a file that begins with these bytes is a `.param` in text form."""
    return re.match(rb"\s*" + MAGIC + rb"\s", head) is not None


def read_ncnn(param: bytes, numbers: bytes) -> list[Layer]:
    """The layers in order, with their arrays as views of `numbers`. `CheckpointError` says what does not fit."""
    layers = _layers(param)
    at = 0
    for layer in layers:
        at = _read_arrays(layer, numbers, at)
    if at != len(numbers):
        raise CheckpointError(
            "The two files of the ncnn model do not belong together.",
            f"The .param needs {at:,} bytes of numbers, but the .bin has {len(numbers):,}.",
        )
    return layers


def _layers(param: bytes) -> list[Layer]:
    if len(param) > LONGEST_PARAM:
        raise CheckpointError("The ncnn model is damaged.", f"Its .param has {len(param):,} bytes.")
    try:
        lines = [line.split() for line in param.decode("utf-8").splitlines() if line.strip()]
        count = int(lines[1][0])
        if not 0 < count <= MOST_LAYERS or count != len(lines) - 2:
            raise CheckpointError(
                "The ncnn model is cut off or damaged.", f"Its .param claims {count:,} layers and lists {len(lines) - 2:,}."
            )
        return [_layer(words) for words in lines[2:]]
    except (ValueError, IndexError) as error:
        raise CheckpointError("The ncnn model is damaged.", "Its .param is no list of layers.") from error


def _layer(words: list[str]) -> Layer:
    kind, name, takes, gives = words[0], words[1], int(words[2]), int(words[3])
    blobs, settings = words[4 : 4 + takes + gives], words[4 + takes + gives :]
    if takes < 0 or gives < 0 or len(blobs) != takes + gives:
        raise ValueError("blobs are missing")
    return Layer(kind, name, tuple(blobs[:takes]), tuple(blobs[takes:]), dict(map(_setting, settings)))


def _setting(text: str) -> tuple[int, Value]:
    key, _, value = text.partition("=")
    number = int(key)
    if number <= -23300:
        count, *rest = value.split(",")
        row = tuple(map(float, rest))
        if int(count) != len(row):
            raise ValueError("an array has another length than it says")
        return number, row
    return number, float(value) if re.search(r"[.eEnN]", value) else int(value)


def _read_arrays(layer: Layer, numbers: bytes, at: int) -> int:
    """Fill in the arrays that this kind of layer has; the position after them."""
    if layer.kind in ("Convolution", "ConvolutionDepthWise"):
        layer.arrays["weight"], at = _flagged(layer, numbers, at, layer.whole(6))
        if layer.whole(5):
            layer.arrays["bias"], at = _plain(layer, numbers, at, layer.whole(0))
    elif layer.kind == "PReLU":
        layer.arrays["slope"], at = _plain(layer, numbers, at, layer.whole(0))
    elif layer.kind not in _WITHOUT_NUMBERS:
        raise CheckpointError("The ncnn model has a layer that Ganvas does not know.", f"It is {layer.kind[:40]}.")
    return at


def _flagged(layer: Layer, numbers: bytes, at: int, count: int) -> tuple[Array, int]:
    flag = int.from_bytes(numbers[at : at + 4], "little")
    if flag == _FLOAT32:
        return _plain(layer, numbers, at + 4, count)
    if flag != _FLOAT16:
        found = _OTHER_FLAGS.get(flag, f"a format of its own ({flag:#010x})")
        raise CheckpointError("The ncnn model has numbers that Ganvas cannot read.", f"{layer.name[:40]} has {found}.")
    half, end = _take(layer, numbers, at + 4, count, np.dtype("<f2"))
    return half.astype(np.float32), (end + 3) // 4 * 4


def _plain(layer: Layer, numbers: bytes, at: int, count: int) -> tuple[Array, int]:
    return _take(layer, numbers, at, count, np.dtype("<f4"))


def _take(layer: Layer, numbers: bytes, at: int, count: int, dtype: np.dtype[Any]) -> tuple[NDArray[Any], int]:
    end = at + count * dtype.itemsize
    if count < 0 or end > len(numbers):
        raise CheckpointError(
            "The ncnn model is cut off or damaged.",
            f"{layer.name[:40]} needs numbers up to byte {end:,}, but the .bin has {len(numbers):,}.",
        )
    return np.frombuffer(numbers, dtype, count, at), end
