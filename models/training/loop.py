"""The loop around a recipe: log, sample sheets, checkpoints by the clock and when the program is asked to end."""

from __future__ import annotations

import csv
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from models.training.state import State, save_state

STATE = "state.safetensors"
LOG = "log.csv"


class Run(Protocol):
    """A recipe in progress."""

    seen: int

    def step(self) -> dict[str, float]: ...

    def state(self) -> State: ...


@dataclass(frozen=True)
class Schedule:
    """When to stop and how often to write; pictures are counted over the whole run, resumed or not."""

    pictures: int
    hours: float = float("inf")
    log_every: int = 50  # steps
    save_minutes: float = 5.0
    sheet_every: int = 5000  # pictures


@dataclass(frozen=True)
class Report:
    """Where a run stands: pictures seen, pictures an hour since it was started, smoothed figures, and what was written.

    `alarm` is what a person must be told, empty mostly.
    """

    seen: int
    rate: float
    figures: dict[str, float]
    wrote: str = ""
    alarm: str = ""


def train(
    run: Run, out: Path, schedule: Schedule, sheet: Callable[[Path], Mapping[str, float] | None] | None = None
) -> Iterator[Report]:
    """Step until the schedule ends, from where the run stands (it was opened from `out`); yields after every logged stretch.

    SIGTERM ends the run after its current step with a state written (where this is the main thread, which alone may catch it).
    `sheet(path)` draws a sample sheet; figures that it gives back are logged as they are, beside the smoothed ones.
    """
    out.mkdir(parents=True, exist_ok=True)
    asked = threading.Event()
    main = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGTERM, lambda *_: asked.set()) if main else None
    began, first, saved = time.monotonic(), run.seen, time.monotonic()
    next_sheet = (run.seen // schedule.sheet_every + 1) * schedule.sheet_every
    smooth: dict[str, float] = {}
    steps = 0
    try:
        while run.seen < schedule.pictures and time.monotonic() - began < schedule.hours * 3600 and not asked.is_set():
            for name, value in run.step().items():
                smooth[name] = value if name not in smooth else 0.95 * smooth[name] + 0.05 * value
            steps += 1
            wrote = ""
            measured: dict[str, float] = {}
            if sheet is not None and run.seen >= next_sheet:
                next_sheet = (run.seen // schedule.sheet_every + 1) * schedule.sheet_every
                path = out / f"sheet-{run.seen:08d}.png"
                measured = dict(sheet(path) or {})
                wrote = path.name
            if time.monotonic() - saved >= schedule.save_minutes * 60:
                save_state(out / STATE, run.state())
                saved = time.monotonic()
                wrote = wrote or STATE
            if steps % schedule.log_every == 0 or wrote or run.seen >= schedule.pictures:
                rate = (run.seen - first) / (time.monotonic() - began) * 3600
                _log(out / LOG, run.seen, rate, smooth | measured)
                yield Report(run.seen, rate, smooth | measured, wrote)
    finally:
        if steps:
            save_state(out / STATE, run.state())
        if main:
            signal.signal(signal.SIGTERM, before)


def _log(path: Path, seen: int, rate: float, figures: dict[str, float]) -> None:
    """One row a name and value, so that a recipe may say other figures in other steps."""
    fresh = not path.exists()
    with open(path, "a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        if fresh:
            writer.writerow(["pictures", "pictures_an_hour", "figure", "value"])
        writer.writerows([seen, round(rate), name, f"{value:.5g}"] for name, value in figures.items())
