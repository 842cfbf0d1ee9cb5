"""Work on files runs beside the pictures, tells how far it is, and ends when nobody wants it any more."""

import threading
from collections.abc import Callable

import pytest

from app.inference.errands import errand
from app.inference.updates import Progress, Update
from models.errors import CheckpointError

Report = Callable[[int, int, str], None]


def run(work: Callable[[Report], str]) -> tuple[list[Update], str]:
    job = errand(work)
    updates: list[Update] = []
    while True:
        try:
            updates.append(next(job))
        except StopIteration as stop:
            return updates, stop.value


def test_reports_become_progress_and_the_result_comes_back() -> None:
    def work(report: Report) -> str:
        report(1, 2, "one")
        report(2, 2, "two")
        return "done"

    updates, result = run(work)
    assert [u for u in updates if isinstance(u, Progress)] == [Progress(1, 2, "one"), Progress(2, 2, "two")]
    assert result == "done"


def test_what_the_work_raises_is_raised_to_who_asked() -> None:
    def work(report: Report) -> str:
        raise CheckpointError("It is no model.")

    with pytest.raises(CheckpointError):
        run(work)


def test_a_step_never_waits_for_the_work() -> None:
    gate = threading.Event()

    def work(report: Report) -> str:
        gate.wait(60)
        return "done"

    job = errand(work)
    for _ in range(3):
        next(job)
    assert not gate.is_set()
    gate.set()
    for _ in job:
        pass
    assert not [thread for thread in threading.enumerate() if thread.name == "errand"]


def test_dropped_work_ends_at_its_next_report_and_cleans_up() -> None:
    reported: list[int] = []
    cleaned = threading.Event()
    gate = threading.Event()

    def work(report: Report) -> str:
        try:
            for number in range(1000):
                reported.append(number)
                report(number, 1000, "")
                gate.wait(60)
        except Exception:  # the work's own care for errors does not catch being dropped
            return "went on"
        finally:
            cleaned.set()
        return "done"

    job = errand(work)
    next(job)
    threading.Timer(0.05, gate.set).start()
    job.close()
    assert cleaned.is_set()
    assert len(reported) < 1000


def test_work_that_ends_while_it_is_dropped_leaves_no_thread() -> None:
    job = errand(lambda report: "done")
    next(job, None)
    job.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "errand"]
