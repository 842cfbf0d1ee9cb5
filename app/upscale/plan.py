"""What a job is: every photo with its result's name, size and passes, and what stands in the way, before anything starts."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal, get_args

from app.photos import animation
from app.photos.decoding import probe
from app.photos.formats import FORMATS, refusal
from app.photos.photo import PhotoError, PhotoFacts
from app.photos.recipe import Kind
from app.upscale import naming
from app.upscale.inputs import Found
from app.upscale.sizes import Pass, Target, describe, parse_target, passes, size_for

OnExists = Literal["skip", "rename", "overwrite"]
Metadata = Literal["keep", "no-place", "strip"]
Task = Literal["upscaling", "translation"]
BESIDE = "upscaled"  # Results stand in a folder of this name beside the photos, where no other place was chosen.

# Four gigapixels as TIFF are 12 GB: beyond that a typing error is likelier than a wish.
MAX_RESULT_PIXELS = 4_000_000_000
# Bytes a pixel of three channels that results of photos take on disk (lossy ones at quality 92).
BYTES_A_PIXEL = {"png": 1.7, "jpeg": 0.30, "webp": 0.18, "avif": 0.15, "tiff": 1.9, "gif": 0.9}


@dataclass(frozen=True)
class Choices:
    """All that a person chooses for a job. `model` is a catalogue name or path, `scale` its factor (1: a restorer).

    `into` is a folder: the tree below what was named is kept there. None means a folder `upscaled` beside each photo.
    `format` None keeps the photo's own where it can be written, and takes PNG otherwise. `reduce` allows 16 bits and
    transparency to go where the format has none. `strength` 0..1 blends with the plain resize (1: the network alone).
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
        )
        if not known:
            raise ValueError("choices that cannot be")
        return self

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values, for the journal, presets and recipes."""
        return asdict(self) | {"target": describe(self.target), "into": str(self.into) if self.into else None}

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Choices:
        """The choices again; unknown keys are left out. ValueError or TypeError where they are none."""
        known = {f.name for f in fields(cls)}
        values = {key: value for key, value in raw.items() if key in known}
        values["target"] = parse_target(str(values.get("target", "x4")))
        values["into"] = Path(values["into"]) if values.get("into") else None
        return cls(**values)


State = Literal["ready", "skipped", "refused"]


@dataclass(frozen=True)
class Planned:
    """One photo of a job. `reason` says in a sentence why it is skipped or refused; `output` is where its result will be."""

    source: Path
    state: State
    reason: str = ""
    output: Path | None = None
    facts: PhotoFacts | None = None
    size: tuple[int, int] = (0, 0)
    passes: tuple[Pass, ...] = ()
    format: str = ""

    @property
    def frames(self) -> int:
        """How many pictures the result has: those of an animation that stays one, otherwise 1."""
        return self.facts.pages if self.facts is not None and self.facts.animated and self.format in animation.FORMATS else 1

    @property
    def network_megapixels(self) -> float:
        """What the network has to read, all passes and frames together."""
        return self.frames * sum(run.megapixels for run in self.passes)


class Planner:
    """Plans photos one after another: it remembers the names that are given, so that no two results share one."""

    def __init__(self, choices: Choices, sources: Iterable[Path] = (), taken: Iterable[Path] = ()) -> None:
        """`sources` are never written over, nor are the names in `taken` (results of this job that were planned earlier)."""
        naming.check_template(choices.template)
        self.choices = choices
        self._taken = {naming.key(os.path.abspath(path)) for path in taken}
        self._sources = {naming.key(os.path.abspath(path)) for path in sources}

    def add_sources(self, paths: Iterable[Path]) -> None:
        """More photos belong to the job: their files are never written over either."""
        self._sources |= {naming.key(os.path.abspath(path)) for path in paths}

    def plan(self, found: Found, facts: PhotoFacts | None = None) -> Planned:
        """Where and how large the result will be. `facts` spares another look at the file where they are known."""
        if found.problem:
            return Planned(found.path, "refused", found.problem)
        try:
            facts = facts or probe(found.path)
        except PhotoError as error:
            return Planned(found.path, "refused", str(error))
        except OSError as error:
            return Planned(found.path, "refused", f"{error.strerror or type(error).__name__}.")
        choices = self.choices
        size = size_for(choices.target, facts.width, facts.height)
        stays = FORMATS[facts.format].writable or facts.animated
        format = choices.format or (facts.format if stays else "png")
        planned = Planned(
            found.path,
            "ready",
            facts=facts,
            size=size,
            passes=passes(facts.width, facts.height, size, choices.scale),
            format=format,
        )
        obstacle = _obstacle(planned, choices.reduce)
        if obstacle:
            return replace(planned, state="refused", reason=obstacle)
        return self._place(planned, self._wanted(found, planned))

    def _wanted(self, found: Found, planned: Planned) -> Path:
        assert planned.facts is not None
        choices = self.choices
        folder = choices.into / found.folder if choices.into else found.into or found.path.parent / BESIDE
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
            in_the_way = os.path.lexists(output)
            if key not in self._taken and key not in self._sources:
                if not in_the_way or self.choices.on_exists == "overwrite":
                    break
                if self.choices.on_exists == "skip":
                    self._taken.add(key)
                    return replace(planned, state="skipped", reason="The result is there already.", output=output)
            number += 1
            output = wanted.with_name(naming.numbered(wanted.name, number))
        self._taken.add(key)
        return replace(planned, output=output)


def _obstacle(planned: Planned, reduce: bool) -> str:
    """Why the result cannot be written, with what to do; empty where it can."""
    assert planned.facts is not None
    (width, height), kind, facts = planned.size, FORMATS[planned.format], planned.facts
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
    share = BYTES_A_PIXEL[planned.format] * planned.facts.channels / 3 * planned.facts.bits / 8
    if FORMATS[planned.format].lossy:
        # JPEG's size about doubles from quality 80 to 92 and again to 98; the others behave alike.
        share *= 2 ** ((quality - 92) / 9)
    return int(planned.frames * planned.size[0] * planned.size[1] * share) + 4096
