"""What lies on the belt: a photo with all that is known of it on its way, and what is told of it."""

from __future__ import annotations

import logging
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from numpy.typing import NDArray

from app.inference.updates import Failure, Progress
from app.photos.photo import Photo, PhotoError
from app.photos.placing import NameTaken
from app.upscale import results
from app.upscale.moving import Moving
from app.upscale.plan import Planned

log = logging.getLogger(__name__)

FRAMES_HELD = 4
Stage = Literal["reading", "working", "writing", "done", "failed"]


@dataclass(frozen=True)
class Event:
    """What happened to the photo `index`. `share` is how much of the network's work is done (0..1). With "done" come the
    seconds that were worked on it, those of the network alone, the size of the file, where it is, and what was left out of the
    photo."""

    index: int
    stage: Stage
    share: float = 0.0
    failure: Failure | None = None
    seconds: float = 0.0
    network_seconds: float = 0.0
    bytes: int = 0
    output: Path | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """How a job ended: photos done and failed by it, and the seconds it took. `stopped` where a person ended it early."""

    done: int
    failed: int
    seconds: float
    stopped: bool = False


@dataclass(eq=False)
class Item:
    """One photo. `turn` is its place among those that were begun, `run` the pass that comes next or is at work, `below` the
    source row that its request began at."""

    index: int
    planned: Planned
    turn: int
    photo: Photo | None = None  # as decoded, with what its result is to carry
    pixels: NDArray[Any] | None = None  # what the next run of the network reads, then what it made
    run: int = 0
    moving: Moving | None = None  # of an animation or a video, whose frames the network reads one after the other
    assembly: results.Assembly | results.StreamedAssembly | None = None
    stream: results.Stream | None = None
    below: int = 0
    trouble: BaseException | None = None  # why a tile could not be laid
    laid: deque[Future[None]] = field(default_factory=deque)
    gone: bool = False  # nothing that was begun for it is wanted any more
    spent: float = 0.0  # seconds in the pool
    network_began: float = 0.0
    network_seconds: float = 0.0

    @property
    def begun(self) -> bool:
        """Whether the network did something for it that would be lost."""
        return self.assembly is not None or self.run > 0 or self.frames_done > 0

    @property
    def is_made(self) -> bool:
        """Whether its result is at hand as a whole: then it can be written later."""
        facts = self.planned.facts
        return self.stream is None and self.pixels is not None and not (facts is not None and facts.video)

    @property
    def frames_done(self) -> int:
        return self.moving.done if self.moving is not None else 0

    @property
    def last_run(self) -> bool:
        """Whether the pass at hand is the last one of this picture."""
        return self.run + 1 >= len(self.planned.passes)


def expected_pixels(planned: Planned) -> int:
    """Bytes of the photo in memory; of a video some frames are there, of an animation all."""
    facts = planned.facts
    held = min(planned.frames, FRAMES_HELD) if facts is not None and facts.video else planned.frames
    return held * facts.width * facts.height * facts.channels * facts.bits // 8 if facts else 0


def share_of(item: Item, progress: Progress) -> float:
    """How much of all runs and frames is done, by what the network reads in each."""
    if not item.planned.passes:
        return 0.0
    costs = [run.megapixels for run in item.planned.passes]
    height = item.planned.passes[item.run].height
    before = item.below / height
    now = before + (1 - before) * progress.done / max(1, progress.total)
    share = (sum(costs[: item.run]) + costs[item.run] * now) / sum(costs)
    # How many frames a video has is known at its end: until then it is not done.
    return min((item.frames_done + share) / item.planned.frames, 1.0)


def in_words(error: BaseException) -> Failure:
    if isinstance(error, PhotoError):
        return Failure(error.what, hint=error.hint)
    if isinstance(error, NameTaken):
        return Failure("Another file has taken the name of its result.", hint="Try it again.")
    if isinstance(error, FileNotFoundError):
        return Failure("The file is gone.")
    if isinstance(error, OSError):
        return Failure(f"{error.strerror or type(error).__name__}.")
    if isinstance(error, MemoryError):
        return Failure("There is not enough memory for it.")
    log.error("a photo failed", exc_info=error)
    return Failure("Something went wrong that should not.", f"{type(error).__name__}: {error}.")
