"""What a job is: every photo with its result's name, size and passes, and what stands in the way, before anything starts."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal, get_args

from app.inference.requests import Mix
from app.photos import animation, masks
from app.photos.decoding import probe
from app.photos.formats import FORMATS, refusal
from app.photos.photo import PhotoError, PhotoFacts
from app.photos.recipe import Kind
from app.upscale import naming
from app.upscale.inputs import Found
from app.upscale.sizes import Pass, Target, describe, parse_target, passes, print_dpi, size_for
from app.video.writing import CODECS, MAX_CRF, Codec, chosen
from models.turning import TURNS

OnExists = Literal["skip", "rename", "overwrite"]
Metadata = Literal["keep", "no-place", "strip"]
Task = Literal["upscaling", "translation"]
THERE = "The result is there already."
BESIDE = "upscaled"  # Results stand in a folder of this name beside the photos, where no other place was chosen.

# Four gigapixels as TIFF are 12 GB: beyond that a typing error is likelier than a wish.
MAX_RESULT_PIXELS = 4_000_000_000
# Bytes a pixel of three channels that results of photos take on disk (lossy ones at quality 92).
BYTES_A_PIXEL = {"png": 1.7, "jpeg": 0.30, "webp": 0.18, "avif": 0.15, "tiff": 1.9, "gif": 0.9}
MOST_GRAIN = 2.0  # times the photo's own
VIDEO_BYTES_A_PIXEL = 0.02  # and of every frame of a video


@dataclass(frozen=True)
class Choices:
    """All that a person chooses for a job. `model` is a catalogue name or path, `scale` its factor (1: a restorer).

    `into` is a folder: the tree below what was named is kept there. None means a folder `upscaled` beside each photo.
    `format` None keeps the photo's own where it can be written, and takes PNG otherwise. `reduce` allows 16 bits and
    transparency to go where the format has none. `codec` and `crf` (constant rate factor) are of videos (None: what suits the
    file); a video stays in its kind of file, whatever `format` is.
    `strength` 0..1 blends with the plain resize (1: the network alone).
    `share` 0..1 of the model `other` ("": none), which is built alike, is mixed in. `turns` averages over eight turns of each
    tile. `grain` 0..2 gives back so much of the photo's own grain. `protect` is a mask that was kept (`app.photos.masks`): where
    it is white in a photo that has no mask of its own, the plain resize stays.
    """

    model: str
    scale: int
    target: Target = field(default_factory=lambda: Target("factor", 4))
    into: Path | None = None
    format: str | None = None
    quality: int = 92
    template: str = naming.DEFAULT_TEMPLATE
    on_exists: OnExists = "rename"
    metadata: Metadata = "keep"
    reduce: bool = False
    strength: float = 1.0
    keep_time: bool = False
    task: Task = "upscaling"
    codec: Codec | None = None
    crf: int | None = None
    other: str = ""
    share: float = 0.0
    turns: bool = False
    grain: float = 0.0
    protect: Path | None = None

    @property
    def network(self) -> str | Mix:
        """What the engine is asked for."""
        return Mix(self.model, self.other, self.share) if self.other and self.share else self.model

    @property
    def looks(self) -> tuple[object, ...]:
        """What a part of a picture looks like by, besides the model and the mask."""
        return self.strength, self.grain, self.network, self.turns

    @property
    def effort(self) -> int:
        """How many times the network reads each pixel."""
        return TURNS if self.turns else 1

    @property
    def kind(self) -> Kind:
        """What the result is told to be, for `app.photos.recipe`."""
        return "transformed" if self.task == "translation" else "enlarged"

    def checked(self) -> Choices:
        """The choices themselves, where each is one that can be; ValueError where one is not (a file that was edited)."""
        naming.check_template(self.template)
        known = (
            self.on_exists in get_args(OnExists)
            and self.metadata in get_args(Metadata)
            and (self.format is None or (self.format in FORMATS and FORMATS[self.format].writable))
            and 1 <= self.quality <= 100
            and 0 <= self.strength <= 1
            and (self.codec is None or self.codec in CODECS)
            and (self.crf is None or 0 <= self.crf <= MAX_CRF)
            and 0 <= self.share <= 1
            and 0 <= self.grain <= MOST_GRAIN
        )
        if not known:
            raise ValueError("choices that cannot be")
        return self

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values, for the journal, presets and recipes."""
        return asdict(self) | {
            "target": describe(self.target),
            "into": str(self.into) if self.into else None,
            "protect": str(self.protect) if self.protect else None,
        }

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Choices:
        """The choices again; unknown keys are left out. ValueError or TypeError where they are none."""
        known = {f.name for f in fields(cls)}
        values = {key: value for key, value in raw.items() if key in known}
        values["target"] = parse_target(str(values.get("target", "x4")))
        for name in ("into", "protect"):
            values[name] = Path(values[name]) if values.get(name) else None
        return cls(**values)


State = Literal["ready", "skipped", "refused"]


@dataclass(frozen=True)
class Planned:
    """One photo of a job. `reason` says in a sentence why it is skipped or refused; `output` is where its result will be,
    `mask` what is protected. Whatever bears that name when the result is ready stays, unless the result `replaces` it."""

    source: Path
    state: State
    reason: str = ""
    output: Path | None = None
    facts: PhotoFacts | None = None
    size: tuple[int, int] = (0, 0)
    passes: tuple[Pass, ...] = ()
    format: str = ""
    mask: Path | None = None
    replaces: bool = False

    @property
    def frames(self) -> int:
        """How many pictures the result has: those of an animation that stays one or (about) of a video, otherwise 1."""
        moves = self.facts is not None and (self.facts.video or (self.facts.animated and self.format in animation.FORMATS))
        return self.facts.pages if self.facts is not None and moves else 1

    @property
    def network_megapixels(self) -> float:
        """What the network has to read, all passes and frames together."""
        return self.frames * sum(run.megapixels for run in self.passes)


def size_of(facts: PhotoFacts, choices: Choices) -> tuple[int, int]:
    """Width and height of the result."""
    width, height = size_for(choices.target, facts.width, facts.height)
    if facts.video:
        return width + width % 2, height + height % 2  # encoders halve the colours' resolution
    return width, height


def format_of(facts: PhotoFacts, choices: Choices) -> str:
    """The format of the result."""
    if facts.video:
        return chosen(facts.format, facts.bits, choices.codec, choices.crf).format
    stays = FORMATS[facts.format].writable or facts.animated
    return choices.format or (facts.format if stays else "png")


def result_by(facts: PhotoFacts, choices: Choices, own_mask: bool = False) -> tuple[object, ...]:
    """What a result depends on, besides its source, of all that was chosen: where this is the same, so is the file.

    A format that loses nothing knows no quality, a video none but its own, a photo with a mask of its own none of all.
    """
    format = format_of(facts, choices)
    turns = choices.turns and choices.task == "upscaling"
    look = (choices.network, choices.strength, choices.grain, turns, None if own_mask else choices.protect)
    file = (size_of(facts, choices), format, choices.into, choices.template, choices.metadata, choices.keep_time)
    if facts.video:
        return *look, *file, chosen(facts.format, facts.bits, choices.codec, choices.crf)
    return *look, *file, choices.quality if FORMATS[format].lossy else None, print_dpi(choices.target)


class Planner:
    """Plans photos one after another: it remembers the names that are given, so that no two results share one."""

    def __init__(self, choices: Choices, sources: Iterable[Path] = (), taken: Iterable[Path] = ()) -> None:
        """`sources` and `taken` as for `add_sources` and `take`."""
        naming.check_template(choices.template)
        self.choices = choices
        self._taken: set[str] = set()
        self._replaced: dict[str, Path] = {}  # by the keys of their names: results that their photos are done again for
        self._originals: list[Path] = []
        self._sources: set[str] = set()
        self._resolved, self._real = 0, set[str]()  # of so many originals it is known where they really are
        self.add_sources(sources)
        self.take(taken)

    def add_sources(self, paths: Iterable[Path]) -> None:
        """More photos belong to the job: their files are never written over either."""
        more = list(paths)
        self._originals += more
        self._sources |= {naming.key(os.path.abspath(path)) for path in more}

    def take(self, outputs: Iterable[Path]) -> None:
        """These names are given: results of this job that were planned earlier."""
        self._taken |= {naming.key(os.path.abspath(path)) for path in outputs}

    def release(self, outputs: Iterable[Path]) -> None:
        """Names that were given are free again: their photos are planned once more."""
        self._taken -= {naming.key(os.path.abspath(path)) for path in outputs}

    def replace(self, results: Mapping[Path, Path]) -> None:
        """These results take the place of themselves: their photos (the values) are done once more, by the same names."""
        self.release(results)
        self._replaced |= {naming.key(os.path.abspath(result)): photo for result, photo in results.items()}

    def plan(self, found: Found, facts: PhotoFacts | None = None) -> Planned:
        """Where and how large the result will be. `facts` spares another look at the file where they are known."""
        if found.problem:
            return Planned(found.path, "refused", found.problem)
        try:
            facts = facts or probe(found.path)
        except PhotoError as error:
            return Planned(found.path, "refused", str(error))
        except FileNotFoundError:
            return Planned(found.path, "refused", "The file is gone.")
        except OSError as error:
            return Planned(found.path, "refused", f"{error.strerror or type(error).__name__}.")
        choices = self.choices
        size = size_of(facts, choices)
        planned = Planned(
            found.path,
            "ready",
            facts=facts,
            size=size,
            passes=passes(facts.width, facts.height, size, choices.scale),
            format=format_of(facts, choices),
            mask=found.mask or choices.protect,
        )
        obstacle = unwritable(planned, choices.reduce) or _unsuited(planned)
        if obstacle:
            return replace(planned, state="refused", reason=obstacle)
        return self._place(planned, self._wanted(found, planned))

    def _wanted(self, found: Found, planned: Planned) -> Path:
        assert planned.facts is not None
        choices = self.choices
        folder = choices.into / found.folder if choices.into else found.into or found.path.parent / BESIDE
        folder = Path(os.path.abspath(folder))  # who goes on with the job may stand elsewhere
        values = {
            "name": found.path.stem,
            "model": Path(choices.model).stem if os.sep in choices.model else choices.model,
            "scale": naming.scale_text(planned.size[0] / planned.facts.width),
            "width": str(planned.size[0]),
            "height": str(planned.size[1]),
        }
        return folder / naming.fill(choices.template, values, FORMATS[planned.format].extensions[0])

    def _place(self, planned: Planned, wanted: Path) -> Planned:
        """The output itself, or a numbered one, or the reason why there is none."""
        output, number = wanted, 1
        while True:
            key = naming.key(os.path.abspath(output))
            in_the_way, again = os.path.lexists(output), self._replaced.get(key) == planned.source
            if key not in self._taken and key not in self._sources:
                if not in_the_way or again or (self.choices.on_exists == "overwrite" and self._may_go(output)):
                    break
                if self.choices.on_exists == "skip":
                    self._taken.add(key)
                    return replace(planned, state="skipped", reason=THERE, output=output)
            number += 1
            output = wanted.with_name(naming.numbered(wanted.name, number))
        self._taken.add(key)
        self._replaced.pop(key, None)
        return replace(planned, output=output, replaces=again or self.choices.on_exists == "overwrite")

    def _may_go(self, output: Path) -> bool:
        """Whether what bears this name can be written over: it is no folder, and no photo of the job by another path (a folder of
        results may be a link to theirs, and a photo a link to one there). The disk is asked only here."""
        if output.is_dir():
            return False
        while self._resolved < len(self._originals):
            path = self._originals[self._resolved]
            self._real |= {naming.key(naming.place(path)), naming.key(os.path.realpath(path))}
            self._resolved += 1
        return naming.key(naming.place(output)) not in self._real


def unwritable(planned: Planned, reduce: bool) -> str:
    """Why the result cannot be written, with what to do; empty where it can."""
    assert planned.facts is not None
    (width, height), kind, facts = planned.size, FORMATS[planned.format], planned.facts
    if facts.video:
        side = FORMATS[planned.format].side
        return f"A video holds at most {side:,} pixels a side: choose a smaller size." if max(width, height) > side else ""
    if planned.frames > 1:
        if max(width, height) > FORMATS["webp"].side:
            return f"An animation holds at most {FORMATS['webp'].side:,} pixels a side: choose a smaller size."
        return animation.too_long(planned.frames, width, height) or ""
    if width * height > MAX_RESULT_PIXELS:
        return f"The result would have {width * height / 1e6:,.0f} megapixels: choose a smaller size."
    too_large = refusal(planned.format, width, height)
    if too_large:
        return too_large
    if reduce:
        return ""
    if facts.bits not in kind.bits:
        return f"{kind.title} holds 8 bits a channel and this photo has {facts.bits}: choose PNG or TIFF, or allow 8 bits."
    if facts.channels in (2, 4) and not kind.alpha:
        return f"{kind.title} has no transparency and this photo has: choose PNG, WebP or TIFF, or allow white behind it."
    return ""


def _unsuited(planned: Planned) -> str:
    """Why the mask cannot protect this photo; empty where it can, or there is none."""
    if planned.mask is None or planned.facts is None:
        return ""
    photo = (planned.facts.width, planned.facts.height)
    try:
        mask = masks.size_of(planned.mask)
    except PhotoError as error:
        return str(error)
    if masks.suits(mask, photo):
        return ""
    return f"The mask ({mask[0]:,} × {mask[1]:,}) has another shape than this photo ({photo[0]:,} × {photo[1]:,})."


def plan_all(found: Iterable[Found], choices: Choices) -> Iterator[Planned]:
    """Plan a whole job, photo by photo, in order."""
    everything = list(found)
    planner = Planner(choices, (one.path for one in everything))
    for one in everything:
        yield planner.plan(one)


def expected_bytes(planned: Planned, quality: int = 92) -> int:
    """About how many bytes a result takes on disk: a guess from what photos were seen to take, for warnings ahead."""
    if planned.facts is None:
        return 0
    if planned.facts.video:
        return int(planned.frames * planned.size[0] * planned.size[1] * VIDEO_BYTES_A_PIXEL) + 4096
    share = BYTES_A_PIXEL[planned.format] * planned.facts.channels / 3 * planned.facts.bits / 8
    if FORMATS[planned.format].lossy:
        # JPEG's size about doubles from quality 80 to 92 and again to 98; the others behave alike.
        share *= 2 ** ((quality - 92) / 9)
    return int(planned.frames * planned.size[0] * planned.size[1] * share) + 4096
