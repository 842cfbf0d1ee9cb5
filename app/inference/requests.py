"""What is asked of the engine. A request says everything its job needs; nothing else crosses into the engine.

`model` is a catalogue name or the path of a model file or of a model's folder. Arrays in a request are never written to after it
was made.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from models.allowance import Allowance

Noise = Literal["const", "random", "none"]


@dataclass(frozen=True, eq=False)
class GenerateRequest:
    """One picture of a latent model. Yields a `Frame`; Done(result) is an `updates.Generated`: the picture and its `ws`.

    `seeds` are (seed, weight) pairs, weights summing to 1: the w of the seeds are blended (one pair is the usual case).
    `psi` pulls towards the average latent (1 leaves alone), `cutoff` is the number of leading layers it acts on (None: all).
    `directions` are (name, sigmas) pairs. `mix_seed` gives its w to the layers of `mix_layers`. `ws`, where given, stands in
    for the seeds; mixing and directions still act, and psi does where `ws_psi` says which one they stand for: they are brought
    nearer to the average latent, or stretched away from it, by `psi / ws_psi`. `resolution` asks for a preview of about that
    size (None: full). `deadline_ms` lets the engine choose the largest resolution that fits, and a full picture follows with
    a request that has none.
    `enlarge_with` names an upscaling model that pictures of the network's full size go through, where there is no deadline.
    """

    model: str
    seeds: tuple[tuple[int, float], ...] = ((0, 1.0),)
    psi: float = 0.7
    cutoff: int | None = None
    directions: tuple[tuple[str, float], ...] = ()
    mix_seed: int | None = None
    mix_layers: tuple[int, ...] = ()
    label: int | None = None
    noise: Noise = "const"
    noise_seed: int = 0
    ws: NDArray[np.float32] | None = None
    ws_psi: float | None = None
    resolution: int | None = None
    deadline_ms: float | None = None
    enlarge_with: str | None = None


@dataclass(frozen=True, eq=False)
class DragRequest:
    """Points of a latent model's picture dragged to where they should be. Yields `Dragged`s; Done(result) is the last one.

    `start` is the picture that they lie on (how large it is, and by when, is not looked at). `handles` and `targets` are (x, y)
    in fractions of its side, 0 to 1, from the top left corner. `movable [h, w]`, of any size, is False where nothing may change
    (None: everything may).
    """

    start: GenerateRequest
    handles: tuple[tuple[float, float], ...]
    targets: tuple[tuple[float, float], ...]
    movable: NDArray[np.bool_] | None = None


@dataclass(frozen=True, eq=False)
class ProjectRequest:
    """The point of a latent model whose picture is nearest to a photo. Yields `Frame`s of what is reached, `Progress` and, at
    the end, the full picture; Done(result) is an `updates.Projected`.

    `photo` is uint8 `[S, S, 3]`, framed as the model's pictures are. `freedom` 0..1 says how far layers may part: at 1 the
    picture comes nearest, at 0 sliders and morphs make most of it. `label`, `noise` and `noise_seed` are as in `GenerateRequest`.
    """

    model: str
    photo: NDArray[np.uint8]
    freedom: float = 0.5
    label: int | None = None
    noise: Noise = "const"
    noise_seed: int = 0


@dataclass(frozen=True)
class ProjectionTimeRequest:
    """How long would a `ProjectRequest` take here? Done(result) is that in seconds, measured on a few steps."""

    model: str
    label: int | None = None


@dataclass(frozen=True, eq=False)
class PaintRequest:
    """The landscape of a label map, at the map's size. Done(result) is the picture uint8 `[H, W, 3]`.

    `look` is a seed, a style vector float32 `[style_dim]`, or a photo uint8 `[h, w, 3]`; None is the model's plain look.
    `enlarge_with` names an upscaling model that carries the network's own size up to the map's (None: plainly).
    `blend` 0..1 leads from `look` to `second_look`, of which neither may be the plain one where it is above 0.
    `natural_edges` gives strokes the outline of what they stand for, where the model knows how (see `models.edges`).
    """

    model: str
    label_map: NDArray[np.uint8]
    look: int | NDArray[np.float32] | NDArray[np.uint8] | None = None
    noise_seed: int = 0
    enlarge_with: str | None = None
    deadline_ms: float | None = None
    second_look: int | NDArray[np.float32] | NDArray[np.uint8] | None = None
    blend: float = 0.0
    natural_edges: bool = True


@dataclass(frozen=True)
class Mix:
    """`share` (0..1) of a second upscaling model and the rest of the first, their weights mixed: both must be built alike."""

    model: str
    other: str
    share: float


@dataclass(frozen=True, eq=False)
class UpscaleRequest:
    """A photo enlarged by the model's scale, tile by tile. Yields `Tile`s and `Progress`; Done(result) is the whole picture.

    `pixels` is uint8, uint16 or float32 0..1, `[H, W]` or `[H, W, C]` with 1 to 4 channels (the last of 2 or 4 is alpha);
    the result has the same type and channels. `region` (top, left, height, width) enlarges only that part. `tile` is the side
    of a tile in source pixels (None: the engine chooses). `keep_result` False leaves Done's result None: the tiles were enough.
    `turns` averages what the network makes of each tile's eight turns: eight times the work.
    """

    model: str | Mix
    pixels: NDArray[Any]
    region: tuple[int, int, int, int] | None = None
    tile: int | None = None
    keep_result: bool = True
    turns: bool = False


@dataclass(frozen=True, eq=False)
class TranslateRequest:
    """A photo translated as a whole (pix2pix, CycleGAN). Done(result) is the picture, of the type that went in."""

    model: str
    pixels: NDArray[Any]


@dataclass(frozen=True, eq=False)
class LabelRequest:
    """The label map of a photo. `pixels` is uint8 `[H, W, 3]`; Done(result) is an `updates.Labelled` of this
    height and width."""

    model: str
    pixels: NDArray[np.uint8]


@dataclass(frozen=True)
class DescribeRequest:
    """Open a model and say what it can do, so that a panel can build its controls. Done(result) is a `ModelFacts`."""

    model: str | Mix


@dataclass(frozen=True)
class InspectRequest:
    """What is this file? Nothing is written. Done(result) is a list of `models.card.Card`, one for each model found in it."""

    path: Path


@dataclass(frozen=True)
class AddModelRequest:
    """Read a file (or wheel, or folder) into the catalogue. Yields `Progress`; Done(result) is the list of names added.

    With `refer` the file is not copied: the catalogue remembers where it lies.
    """

    path: Path
    answers: dict[str, str] = field(default_factory=dict)
    refer: bool = False


@dataclass(frozen=True)
class GetModelsRequest:
    """Fetch recommended models by pip (all where `names` is empty). Yields `Progress`; Done(result) is the names added.

    The only request that ever opens a network connection; it is made by a person's click or command alone.
    """

    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class RemoveModelRequest:
    """Remove a model from the catalogue. Done(result) is its name."""

    name: str


@dataclass(frozen=True)
class DirectionFacts:
    """One slider: its name, what a person reads, a tooltip, and its range in sigmas."""

    name: str
    title: str
    remark: str
    low: float
    high: float


@dataclass(frozen=True)
class ModelFacts:
    """What a panel must know of an opened model. Counts are 0, tuples empty where they say nothing about its task."""

    name: str
    num_ws: int = 0
    w_dim: int = 0
    classes: int = 0
    resolution: int = 0
    previews: tuple[int, ...] = ()
    directions: tuple[DirectionFacts, ...] = ()
    style_dim: int = 0
    scale: int = 1
    device: str = "cpu"
    precision: str = "float32"
    layer_sizes: tuple[int, ...] = ()
    noisy: bool = False
    class_names: tuple[str, ...] = ()
    draggable: bool = False
    projectable: bool = False


@dataclass(frozen=True)
class DeviceRequest:
    """What is computed on? Imports torch, so that the first picture need not wait for it. Done(result) is a `DeviceFacts`."""


@dataclass(frozen=True)
class DeviceMemoryRequest:
    """Use so much of the memory of graphics cards, from now on. The processor's is never limited: there it is only passed on to
    further devices. Done(result) is a `DeviceFacts`."""

    allowance: Allowance


@dataclass(frozen=True)
class FurtherDevices:
    """Devices beside the engine's own that a long job can be shared with, each by a process of its own: their names ("cuda:1"),
    and what was chosen for all (precision, threads and memory of graphics cards; None lets each choose, or use all)."""

    names: tuple[str, ...] = ()
    precision: str | None = None
    threads: int | None = None
    memory: Allowance | None = None


@dataclass(frozen=True)
class DeviceFacts:
    """The device of the engine: "cpu", "cuda", "mps"; what it is called; bytes of memory it has, and has free for Ganvas; further
    ones; and of a graphics card the bytes that Ganvas may use at most (None: all)."""

    device: str
    name: str
    memory: int
    free: int
    further: FurtherDevices = FurtherDevices()
    allowed: int | None = None


Request = (
    GenerateRequest
    | DragRequest
    | ProjectRequest
    | ProjectionTimeRequest
    | PaintRequest
    | UpscaleRequest
    | TranslateRequest
    | LabelRequest
    | DescribeRequest
    | InspectRequest
    | AddModelRequest
    | GetModelsRequest
    | RemoveModelRequest
    | DeviceRequest
    | DeviceMemoryRequest
)
