"""The engine driven by a for-loop: every request ends once, in a result or in words."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from app.inference.engine import JOBS, Engine
from app.inference.requests import (
    DeviceFacts,
    DeviceMemoryRequest,
    DeviceRequest,
    FurtherDevices,
    PaintRequest,
    RemoveModelRequest,
    Request,
)
from app.inference.updates import ENDINGS, Done, Failure, Step, Update
from benchmarks.pretended_card import PretendedCard
from models import device
from models.allowance import ALL, GB, Allowance
from models.errors import BadInput


@dataclass(frozen=True)
class Ask:
    """A request whose job a test gives."""


def endings(updates: list[Update]) -> list[Update]:
    return [update for update in updates if isinstance(update, ENDINGS)]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run a job as the answer to `Ask`."""

    def run(job: Any) -> list[Update]:
        monkeypatch.setitem(JOBS, Ask, job)
        return list(Engine().run(Ask()))  # type: ignore[arg-type]

    return run


def test_what_a_job_returns_is_the_result(asked: Any) -> None:
    def job(bench: Any, request: Ask) -> Iterator[Update]:
        yield Step()
        return "picture"

    updates = asked(job)
    assert isinstance(updates[0], Step)
    assert isinstance(updates[-1], Done)
    assert updates[-1].result == "picture"
    assert len(endings(updates)) == 1


def test_what_went_wrong_is_told_in_words(asked: Any) -> None:
    def job(bench: Any, request: Ask) -> Iterator[Update]:
        yield Step()
        raise BadInput("The map is empty.", "Nothing is painted.", "Paint something.")

    (failure,) = endings(asked(job))
    assert failure == Failure("The map is empty.", "Nothing is painted.", "Paint something.")


def test_a_fault_of_ours_is_told_in_words_and_its_traceback_is_in_the_log(asked: Any, expected_warnings: list[str]) -> None:
    expected_warnings.append("Ask failed")

    def job(bench: Any, request: Ask) -> Iterator[Update]:
        yield Step()
        raise ZeroDivisionError("by zero")

    (failure,) = endings(asked(job))
    assert isinstance(failure, Failure)
    assert "ZeroDivisionError: by zero" in failure.why
    assert "ganvas.log" in failure.hint


def test_closing_the_iterator_drops_the_job_where_it_stands(asked: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    dropped = []

    def job(bench: Any, request: Ask) -> Iterator[Update]:
        try:
            yield Step()
            yield Step()
        finally:
            dropped.append(True)

    monkeypatch.setitem(JOBS, Ask, job)
    updates = Engine().run(Ask())  # type: ignore[arg-type]
    next(updates)
    updates.close()  # type: ignore[attr-defined]
    assert dropped


def test_seconds_are_those_of_the_work_not_of_the_wait(asked: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("app.inference.engine.time.perf_counter", lambda: now[0])

    def job(bench: Any, request: Ask) -> Iterator[Update]:
        now[0] += 2
        yield Step()
        now[0] += 3

    monkeypatch.setitem(JOBS, Ask, job)
    for update in Engine().run(Ask()):  # type: ignore[arg-type]
        if isinstance(update, Done):
            assert update.seconds == 5
        now[0] += 100


def test_a_model_that_is_not_there_is_a_failure() -> None:
    import numpy as np

    for request in (RemoveModelRequest("nobody"), PaintRequest("nobody", np.zeros((8, 8), np.uint8))):
        (failure,) = endings(list(Engine().run(request)))
        assert isinstance(failure, Failure)
        assert "nobody" in str(failure)


def test_the_device_is_told() -> None:
    (done,) = endings(list(Engine(device="cpu", threads=1).run(DeviceRequest())))
    assert isinstance(done, Done)
    facts = done.result
    assert isinstance(facts, DeviceFacts)
    assert facts.device == "cpu"
    assert "1 threads" in facts.name
    assert 0 < facts.free <= facts.memory


def facts_of(engine: Engine, request: Request | None = None) -> DeviceFacts:
    (done,) = endings(list(engine.run(request or DeviceRequest())))
    assert isinstance(done, Done)
    facts: DeviceFacts = done.result
    return facts


def test_an_engine_on_a_card_uses_what_is_allowed_and_keeps_fewer_models_open() -> None:
    with PretendedCard(8 * GB) as card:
        engine = Engine(device="cpu", threads=1, device_memory=Allowance(0.5))
        facts = facts_of(engine)
        assert (facts.memory, facts.allowed) == (8 * GB, 4 * GB)
        assert facts.free <= 4 * GB
        assert facts.further.memory == Allowance(0.5)
        assert card.share == 0.5
        assert engine._bench is not None
        assert engine._bench.models.budget == int(0.4 * 4 * GB)
        assert facts_of(engine, DeviceMemoryRequest(Allowance(bytes=2 * GB))).allowed == 2 * GB
        assert engine._bench.models.budget == int(0.4 * 2 * GB)
        assert facts_of(engine, DeviceMemoryRequest(ALL)).allowed is None
        assert engine._bench.models.budget == int(0.4 * 8 * GB)
        fixed = Engine(device="cpu", threads=1, memory_budget=1000, device_memory=Allowance(0.5))
        facts_of(fixed)
        assert fixed._bench is not None
        assert fixed._bench.models.budget == 1000


def test_the_processors_memory_is_never_limited_but_what_was_chosen_goes_on_to_further_devices() -> None:
    engine = Engine(device="cpu", threads=1, device_memory=Allowance(0.5), further=("cuda:1",))
    facts = facts_of(engine)
    assert facts.allowed is None
    assert facts.further == FurtherDevices(("cuda:1",), threads=1, memory=Allowance(0.5))
    assert facts_of(engine, DeviceMemoryRequest(ALL)).further == FurtherDevices(("cuda:1",), threads=1, memory=ALL)
    assert engine._bench is not None
    assert engine._bench.models.budget == int(0.4 * device.memory("cpu").total)
