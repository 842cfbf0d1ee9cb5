"""How fast models are, as measured and remembered, and what that means for a photo and for a job."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from app.photos import placing
from app.upscale.sizes import passes
from models.card import Card
from models.catalogue import Entry
from models.folders import state_folder

# What a core of a processor does at least in these networks, and a graphics card: used until a model was measured here.
GUESSED_CORE, GUESSED_CARD = 40e9, 5e12
# Megapixels: so small a part or photo takes what any call takes, and says nothing of what each of its pixels does.
LEAST_MEASURED = 0.01
# A person waits this long for a first picture, and no longer.
FIRST_PICTURE_SECONDS = 60.0


def work_a_pixel(card: Card) -> float:
    """Multiplications and additions for each pixel that the network reads, as its card tells; 0 where it does not tell."""
    config = card.config
    try:
        if card.family == "compact":
            features, channels = int(config["features"]), int(config["channels"])
            outer = channels * features + features * channels * int(config["shuffle"]) ** 2
            return float(18 * (outer + int(config["inner"]) * features**2))
        if card.family == "esrgan":
            features, growth = int(config["features"]), int(config["growth"])
            dense = sum((features + k * growth) * growth for k in range(4)) + (features + 4 * growth) * features
            body = 3 * int(config["blocks"]) * dense + features**2
            enlarging = sum(features**2 * 4**k for k in range(1, int(config["doublings"]) + 1))
            last = (features**2 + 3 * features) * 4 ** int(config["doublings"])
            return float(18 * (body + enlarging + last) / int(config["unshuffle"]) ** 2)
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        pass
    return 0.0


class Paces:
    """Megapixels a second that models were seen to read on a device, remembered from one start to the next."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or state_folder() / "paces.json"
        self._known: dict[str, float] = {}
        try:
            raw = json.loads(self.path.read_text(encoding="utf-8"))
            self._known = {str(key): float(value) for key, value in raw.items() if 0 < float(value) < 1e6}
        except (OSError, ValueError, AttributeError, TypeError):
            pass  # nothing was measured yet, or what was written is not ours

    def note(self, model: str, device: str, megapixels: float, seconds: float) -> None:
        """The network took `seconds` for what it read. Old and new are averaged, so that one busy minute does not rule."""
        if megapixels < LEAST_MEASURED or seconds <= 0:
            return
        key, seen = f"{model}@{device}", megapixels / seconds
        old = self._known.get(key)
        self._known[key] = seen if old is None else (old * seen) ** 0.5

    def keep(self) -> None:
        """Write what is known to the disk; where that fails it is measured anew next time."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            placing.write(self.path, [json.dumps(self._known, indent=1).encode()])
        except OSError:
            return

    def measured(self, model: str, device: str) -> float | None:
        """Megapixels a second, or None where it was never measured."""
        return self._known.get(f"{model}@{device}")

    def expected(self, card: Card, device: str) -> float:
        """Megapixels a second: measured, or guessed from the network's shape and the machine's cores."""
        known = self.measured(card.name, device)
        if known is not None:
            return known
        rate = GUESSED_CORE * (os.cpu_count() or 1) if device == "cpu" else GUESSED_CARD
        return rate / (work_a_pixel(card) or 40e6) / 1e6

    def seconds(self, card: Card, device: str, size: tuple[int, int], wanted: tuple[int, int]) -> float:
        """About how long the network takes to bring a photo of `size` to `wanted` (width, height)."""
        megapixels = sum(run.megapixels for run in passes(*size, wanted, card.scale))
        return megapixels / self.expected(card, device)


def is_for_drawings(card: Card) -> bool:
    """Whether a model was taught drawings, as its card says: photos come out flat."""
    return "anime" in f"{card.name} {card.title} {card.data}".lower()


def best_within(
    entries: Iterable[Entry], paces: Paces, device: str, size: tuple[int, int], seconds: float = FIRST_PICTURE_SECONDS
) -> Entry | None:
    """The model to begin with: of those that enlarge, the one that thinks hardest about each pixel and still has this photo
    done within `seconds`; the quickest where none has. Models for drawings come after all others, and of them the one that
    thinks least: the more they think, the flatter a photo becomes."""

    def fits(entry: Entry) -> bool:
        scale = entry.card.scale
        return paces.seconds(entry.card, device, size, (size[0] * scale, size[1] * scale)) <= seconds

    able = [entry for entry in entries if entry.card.task == "upscaling" and entry.card.scale > 1]
    for drawings in (False, True):
        fitting = [entry for entry in able if is_for_drawings(entry.card) == drawings and fits(entry)]
        if fitting:
            sign = -1 if drawings else 1
            return max(
                fitting, key=lambda entry: (sign * work_a_pixel(entry.card), entry.card.scale, entry.origin == "recommended")
            )
    return max(able, key=lambda entry: paces.expected(entry.card, device), default=None)


class JobProgress:
    """How far a job is and how long it takes on: by what the network reads (`done`, in megapixels), not by counting photos."""

    def __init__(self, megapixels: Sequence[float]) -> None:
        self._each = list(megapixels)
        self._shares = [0.0] * len(self._each)
        self._began = time.monotonic()
        self._paused_at: float | None = None
        self._total, self.done = sum(self._each), 0.0

    def extend(self, megapixels: Sequence[float]) -> None:
        """More photos belong to the job."""
        self._each += megapixels
        self._shares += [0.0] * len(megapixels)
        self._total += sum(megapixels)

    def at(self, index: int, share: float) -> None:
        """So much of a photo is done."""
        self.done += self._each[index] * (share - self._shares[index])
        self._shares[index] = share

    def follow(self, index: int, stage: str, share: float) -> None:
        """What the belt tells of a photo."""
        if stage == "failed":
            self.give_up(index)
        else:
            self.at(index, 1.0 if stage == "done" else share)

    def give_up(self, index: int) -> None:
        """No more is done of a photo, which failed or was taken off: its rest takes no time, and says nothing of the speed."""
        rest = self._each[index] * (1 - self._shares[index])
        self._total -= rest
        self._each[index] -= rest
        self._shares[index] = 1.0

    def pause(self, paused: bool) -> None:
        """Time in a pause does not count."""
        now = time.monotonic()
        if paused and self._paused_at is None:
            self._paused_at = now
        elif not paused and self._paused_at is not None:
            self._began += now - self._paused_at
            self._paused_at = None

    @property
    def seconds(self) -> float:
        return (self._paused_at or time.monotonic()) - self._began

    @property
    def share(self) -> float:
        """How much of the whole job is done, 0..1."""
        return min(1.0, self.done / self._total) if self._total else 0.0

    @property
    def rate(self) -> float:
        """Megapixels a second, over all."""
        return self.done / self.seconds if self.seconds > 0 else 0.0

    @property
    def seconds_left(self) -> float | None:
        """How long it takes on, or None while too little is known to say."""
        if self.rate <= 0 or (self.seconds < 3 and self.done < self._total / 2):
            return None
        return (self._total - self.done) / self.rate


def disk_size(size: float) -> str:
    """Bytes in words: 4.1 GB, 380 MB."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{max(1, round(size / 1e6))} MB"


def speed(megapixels: float) -> str:
    """Megapixels a second in words: 0.0078 MP/s, 2.1 MP/s, 130 MP/s."""
    return f"{megapixels:.2g} MP/s" if megapixels < 99.5 else f"{megapixels:,.0f} MP/s"


def duration(seconds: float) -> str:
    """A time in words: 40 s, 18 min, 3 h 20 min, 16 h, 5 days."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 10 * 60:
        return f"{minutes // 60} h {minutes % 60} min" if minutes % 60 else f"{minutes // 60} h"
    if minutes < 48 * 60:
        return f"{round(minutes / 60)} h"
    return f"{round(minutes / 1440)} days"
