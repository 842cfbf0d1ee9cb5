"""The loop around a recipe: log, sample sheets, checkpoints by the clock and when the program is asked to end."""

from __future__ import annotations

import csv
import math
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

from models.errors import ModelError
from models.training.state import State, save_state

STATE = "state.safetensors"
LOG = "log.csv"


class Run(Protocol):
    """A recipe in progress. `until` is what it will have seen at its end, as far as that is known: rates fall towards it."""

    seen: int
    until: int

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

    SIGTERM ends the run after its current step with a state written, and so does Ctrl-C, which is raised then; a second one is
    not waited for (where this is the main thread, which alone may catch signals). A step that was broken off leaves the state
    before, and so does one whose figures or weights are no numbers any more: that is a `ModelError`.
    `sheet(path)` draws a sample sheet; figures that it gives back are logged as they are, beside the smoothed ones.
    """
    out.mkdir(parents=True, exist_ok=True)
    asked: list[int] = []
    main = threading.current_thread() is threading.main_thread()

    def ask(number: int, frame: FrameType | None) -> None:
        asked.append(number)
        if number == signal.SIGINT:
            signal.signal(number, before[number])

    before: dict[int, Any] = {number: signal.signal(number, ask) for number in (signal.SIGTERM, signal.SIGINT)} if main else {}
    began, first, saved = time.monotonic(), run.seen, time.monotonic()
    run.until = schedule.pictures
    next_sheet = (run.seen // schedule.sheet_every + 1) * schedule.sheet_every
    smooth: dict[str, float] = {}
    steps, amid = 0, False
    try:
        while run.seen < schedule.pictures and time.monotonic() - began < schedule.hours * 3600 and not asked:
            amid = True
            for name, value in run.step().items():
                if not math.isfinite(value):
                    raise _apart(f"{name} is {value}", run, out)
                smooth[name] = value if name not in smooth else 0.95 * smooth[name] + 0.05 * value
            steps, amid = steps + 1, False
            run.until = _expected(schedule, first, run.seen, time.monotonic() - began)
            wrote = ""
            measured: dict[str, float] = {}
            if sheet is not None and run.seen >= next_sheet:
                next_sheet = (run.seen // schedule.sheet_every + 1) * schedule.sheet_every
                path = out / f"sheet-{run.seen:08d}.png"
                measured = dict(sheet(path) or {})
                wrote = path.name
            if time.monotonic() - saved >= schedule.save_minutes * 60:
                _save(run, out)
                saved = time.monotonic()
                wrote = wrote or STATE
            if steps % schedule.log_every == 0 or wrote or run.seen >= schedule.pictures:
                rate = (run.seen - first) / (time.monotonic() - began) * 3600
                _log(out / LOG, run.seen, rate, smooth | measured)
                yield Report(run.seen, rate, smooth | measured, wrote)
    finally:
        try:
            if steps and not amid:
                _save(run, out)
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
    if signal.SIGINT in asked:
        raise KeyboardInterrupt


def _save(run: Run, out: Path) -> None:
    """Write the state. `ModelError` where a weight is no number any more, which the figures of a step tell only after the next:
    the state before stays."""
    state = run.state()
    for name, network in state.get("networks", {}).items():
        if not all(bool(tensor.isfinite().all()) for tensor in network.values()):
            raise _apart(f"weights of its {name} are no numbers", run, out)
    save_state(out / STATE, state)


def _apart(what: str, run: Run, out: Path) -> ModelError:
    return ModelError(
        f"The run has come apart: {what}.",
        f"After {run.seen:,} pictures there is nothing to go on from.",
        f"The state in {out} is from before: give the command again, with --precision float32.",
    )


def _expected(schedule: Schedule, first: int, seen: int, seconds: float) -> int:
    """How many pictures a run will have seen at its end, which counted `first` at its beginning and `seen` after `seconds`."""
    if math.isinf(schedule.hours):
        return schedule.pictures
    return min(schedule.pictures, first + round((seen - first) * max(1.0, schedule.hours * 3600 / max(seconds, 1e-3))))


def _log(path: Path, seen: int, rate: float, figures: dict[str, float]) -> None:
    """One row a name and value, so that a recipe may say other figures in other steps."""
    fresh = not path.exists()
    with open(path, "a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        if fresh:
            writer.writerow(["pictures", "pictures_an_hour", "figure", "value"])
        writer.writerows([seen, round(rate), name, f"{value:.5g}"] for name, value in figures.items())
