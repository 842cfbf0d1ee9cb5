"""What comes back from the engine. Pictures are numpy uint8 `[H, W, 3]`, sRGB; never tensors."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.card import Label

Picture = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Step:
    """A piece of work is done and there is nothing to show: the scheduler may serve somebody else now."""


@dataclass(frozen=True, eq=False)
class Frame:
    """A whole picture. `final` is False for a preview that a better one follows (or may follow, once the hand rests).

    `resolution` is the size the network computed, which is smaller than the picture where it was enlarged plainly;
    `milliseconds` is the time the network took. An `estimate` was not made by the whole network, but by a small head on its
    first layers, and may have fine dots.
    """

    picture: Picture
    resolution: int
    milliseconds: float
    final: bool
    estimate: bool = False


@dataclass(frozen=True, eq=False)
class Tile:
    """A part of an enlarged photo, in its place: rows `top` ... of the result, of the photo's type (uint8, uint16, float32)."""

    pixels: NDArray[Any]
    top: int
    left: int


@dataclass(frozen=True)
class Progress:
    """`done` of `total` (tiles, pictures, steps); `text` says of what, in a few words."""

    done: int
    total: int
    text: str = ""


@dataclass(frozen=True)
class Remark:
    """Something about the result that a person should know though it did not fail: one quiet sentence."""

    text: str


@dataclass(frozen=True, eq=False)
class Generated:
    """Result of a `GenerateRequest`: the picture, and the latents behind it, float32 `[1, num_ws, w_dim]`, with truncation,
    mixing and directions in them (asked again with these `ws`, leave those out)."""

    picture: Picture
    ws: NDArray[np.float32]
    resolution: int
    milliseconds: float


@dataclass(frozen=True, eq=False)
class Dragged:
    """Where a `DragRequest` stands after `step` steps: a picture, the handles now, and how far each is from its target
    (fractions of the side). `ws [1, num_ws, w_dim]` make this picture with the directions that the request named.

    `ending` is "" while it goes on; "there" when all have arrived, "stuck" when none comes nearer, "long" after the most steps.
    """

    frame: Frame
    step: int
    points: tuple[tuple[float, float], ...]
    left: tuple[float, ...]
    ws: NDArray[np.float32]
    ending: str = ""


@dataclass(frozen=True, eq=False)
class Projected:
    """Result of a `ProjectRequest`: the picture nearest to the photo, its latents float32 `[1, num_ws, w_dim]`, and after how
    many steps they were found."""

    picture: Picture
    ws: NDArray[np.float32]
    steps: int


@dataclass(frozen=True, eq=False)
class Labelled:
    """Result of a `LabelRequest`: the label map uint8 `[H, W]`, every pixel one of the ids of `labels`."""

    label_map: NDArray[np.uint8]
    labels: tuple[Label, ...]


@dataclass(frozen=True, eq=False)
class Done:
    """The request is finished; `result` is what its docstring says."""

    result: Any
    seconds: float


@dataclass(frozen=True)
class Failure:
    """The request failed: what happened, why, what to do. One sentence each; the traceback is in the log.

    Where a file leaves a question open, `key` names it and `choices` are its possible answers: `AddModelRequest.answers`
    takes `{key: choice}`.
    """

    what: str
    why: str = ""
    hint: str = ""
    key: str = ""
    choices: tuple[str, ...] = ()

    def __str__(self) -> str:
        return " ".join(part for part in (self.what, self.why, self.hint) if part)


@dataclass(frozen=True)
class Cancelled:
    """The request was dropped: a newer one took its lane, or somebody cancelled it."""


Update = Step | Frame | Dragged | Tile | Progress | Remark | Done | Failure | Cancelled
ENDINGS = (Done, Failure, Cancelled)
