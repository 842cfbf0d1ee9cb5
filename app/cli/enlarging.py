"""How a job of photos is worked at from the command line: by this process, by several devices, or by a Ray cluster."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from app.cli.report import Reporter, ending_of
from app.inference.devices import threads_beside, threads_of
from app.inference.requests import DescribeRequest
from app.inference.updates import Failure
from app.photos.formats import FORMATS
from app.upscale.conveyor import Conveyor
from app.upscale.driving import drive
from app.upscale.hands import Hand, ProcessHand, Spreading
from app.upscale.items import Event
from app.upscale.journal import Entry, Journal
from app.upscale.pace import JobProgress, Paces, duration, speed
from app.upscale.plan import Choices, Planned

if TYPE_CHECKING:
    from app.inference.engine import Engine
    from models.allowance import Allowance
    from models.card import Card


@dataclass(frozen=True)
class Where:
    """Where a job is computed: on `devices` (() for the engine of this process), or on the workers of the Ray cluster `ray`."""

    devices: tuple[str, ...] = ()
    ray: str | None = None
    workers: int | None = None
    shared: Path | None = None
    precision: str | None = None
    threads: int | None = None
    memory: Allowance | None = None


@dataclass(frozen=True)
class Job:
    """What is to be done, and where it is noted (`number` None: a dry run)."""

    choices: Choices
    card: Card
    entries: list[Entry]
    number: int = 0


def work(job: Job, waiting: list[Entry], machine: Engine, where: Where, journal: Journal, reporter: Reporter) -> Failure | None:
    """Enlarge the photos that wait; a failure where not even the first could be begun, or all devices were lost."""
    if where.ray is not None or where.devices:
        return _by_hands(job, waiting, where, journal, reporter)
    device = _opened(job, machine)
    if isinstance(device, Failure):
        return device
    _here(job, waiting, machine, device, journal, reporter)
    return None


def _here(job: Job, waiting: list[Entry], machine: Engine, device: str, journal: Journal, reporter: Reporter) -> None:
    progress = JobProgress([entry.planned.network_megapixels for entry in waiting])
    paces = Paces()

    def told(event: Event) -> None:
        _tell(event, waiting[event.index], job, progress, journal, reporter)
        if event.stage == "done":
            megapixels = waiting[event.index].planned.network_megapixels * job.choices.effort
            paces.note(job.card.name, device, megapixels, event.network_seconds)

    belt = Conveyor(job.choices, job.card.sha256, threads=threads_beside([device]))
    with _told_to_the_end(belt, told):
        for index, entry in enumerate(waiting):
            belt.add(index, entry.planned)
        drive(belt, machine, told)
    paces.keep()
    _finish(job, belt, journal, reporter)


def _by_hands(job: Job, waiting: list[Entry], where: Where, journal: Journal, reporter: Reporter) -> Failure | None:
    """Several hands, one writer: this process writes results and journal, whoever computes."""
    progress = JobProgress([entry.planned.network_megapixels for entry in waiting])

    def told(event: Event) -> None:
        _tell(event, waiting[event.index], job, progress, journal, reporter)

    spreading: Spreading[Hand] = Spreading(reporter.note)
    with contextlib.ExitStack() as stack:
        if where.ray is not None:
            from app.upscale import ray_hands

            cluster = ray_hands.connect(where.ray, job.choices.network, where.workers, where.shared, spreading.heard)
            if isinstance(cluster, Failure):
                return cluster
            stack.callback(ray_hands.disconnect)
            spreading.hands += cluster.hands
            for sentence in cluster.said:
                reporter.note(sentence)
        stack.callback(spreading.close)  # before the cluster is let go of
        threads = threads_of(where.devices, where.threads)
        for name in where.devices:  # one by one: where one cannot be begun, those before it are ended
            spreading.hands.append(ProcessHand(name, where.precision, threads, spreading.heard, where.memory))
        failure = spreading.open(DescribeRequest(job.choices.network))
        if failure is not None:
            return failure
        beside, hands = threads_beside(where.devices), sum(hand.holds for hand in spreading.hands)
        belt = Conveyor(job.choices, job.card.sha256, spreading.wake, beside, patient=False, hands=hands)
        with _told_to_the_end(belt, told):
            for index, entry in enumerate(waiting):
                belt.add(index, entry.planned)
            failure = spreading.run(belt, told)
        if failure is None:
            _finish(job, belt, journal, reporter)
    return failure


@contextlib.contextmanager
def _told_to_the_end(belt: Conveyor, told: Callable[[Event], None]) -> Iterator[None]:
    """A belt at work. However it ends (somebody stops it), what was just being written is told and noted: it is there."""
    try:
        with belt:
            yield
    finally:
        for event in belt.collect():
            told(event)


def _finish(job: Job, belt: Conveyor, journal: Journal, reporter: Reporter) -> None:
    if belt.halted is not None:
        first = belt.halted.hint.partition(",")[0].rstrip(".")  # what is to be done about it, before it goes on
        reporter.failed("upscale", Failure(belt.halted.what, belt.halted.why, f"{first}; --resume goes on."))
    else:
        journal.end(job.number)


def _opened(job: Job, machine: Engine) -> str | Failure:
    """Open the model once, before the first photo: the device it is on, or why it works for none."""
    ending = ending_of(machine.run(DescribeRequest(job.choices.network)))
    return ending if isinstance(ending, Failure) else str(ending.result.device)


def _tell(event: Event, entry: Entry, job: Job, progress: JobProgress, journal: Journal, reporter: Reporter) -> None:
    planned = entry.planned
    progress.follow(event.index, event.stage, event.share)
    if event.stage == "done":
        journal.mark(job.number, entry.place, "done", seconds=event.seconds, output=event.output)
        for warning in (*planned_notes(planned, job.choices), *event.warnings):
            reporter.note(f"{planned.source}: {warning}", source=planned.source)
        reporter.result(
            f"{planned.source} -> {event.output}  {planned.size[0]}x{planned.size[1]}",
            source=planned.source,
            output=event.output,
            width=planned.size[0],
            height=planned.size[1],
            seconds=round(event.seconds, 3),
            bytes=event.bytes,
        )
    elif event.stage == "failed":
        failure = event.failure or Failure("It failed.")
        journal.mark(job.number, entry.place, "failed", str(failure), event.seconds)
        reporter.failed(str(planned.source), failure)
    left = progress.seconds_left
    pace = f", {speed(progress.rate)}, {duration(left)} left" if left is not None else ""
    finished = reporter.done + len(reporter.failures)
    reporter.progress(min(finished, len(job.entries)), len(job.entries), f"{planned.source.name} {event.share:.0%}{pace}")


def planned_notes(planned: Planned, choices: Choices) -> Iterator[str]:
    """What a photo loses in its result's format because `reduce` allowed it, in sentences."""
    if planned.facts is None or not choices.reduce:
        return
    kind = FORMATS[planned.format]
    if planned.facts.bits not in kind.bits:
        yield f"Its {planned.facts.bits} bits became 8, as {kind.title} has no more."
    if planned.facts.channels in (2, 4) and not kind.alpha:
        yield f"Its transparency became white, as {kind.title} has none."
