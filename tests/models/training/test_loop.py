"""The loop around every recipe: it ends when it is asked to, and never writes a state that nothing can go on from."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from models.errors import BadInput, ModelError
from models.training import loop
from models.training.loop import STATE, Schedule, train
from models.training.state import load_state, save_state


class Counting:
    """A run that does nothing but what it is told to at a step."""

    def __init__(self, at: int, happens: Callable[[], float]) -> None:
        self.seen, self._at, self._happens = 0, at, happens

    def step(self) -> dict[str, float]:
        value = self._happens() if self.seen == self._at else 1.0
        self.seen += 1
        return {"loss": value}

    def state(self) -> dict[str, int]:
        return {"seen": self.seen}


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """Ctrl-C as in a terminal: a process that a script started behind itself is born without it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_ends_a_run_after_its_step_and_a_second_one_does_not_wait(tmp_path: Path) -> None:
    def once() -> float:
        signal.raise_signal(signal.SIGINT)
        return 1.0

    with pytest.raises(KeyboardInterrupt):
        list(train(Counting(3, once), tmp_path, Schedule(10)))
    assert load_state(tmp_path / STATE)["seen"] == 4
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler

    def twice() -> float:
        once()
        once()
        raise AssertionError("a second Ctrl-C was waited for")

    with pytest.raises(KeyboardInterrupt):
        list(train(Counting(7, twice), tmp_path, Schedule(10)))
    assert load_state(tmp_path / STATE)["seen"] == 4  # amid a step nothing is written


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_run_that_comes_apart_is_said_to_and_leaves_the_state_before(value: float, tmp_path: Path) -> None:
    list(train(Counting(-1, lambda: 1.0), tmp_path, Schedule(2)))
    with pytest.raises(ModelError, match=f"loss is {value}"):
        list(train(Counting(3, lambda: value), tmp_path, Schedule(10)))
    assert load_state(tmp_path / STATE)["seen"] == 2


@pytest.mark.parametrize("minutes", [0, 5])
def test_weights_that_are_no_numbers_are_never_written(minutes: float, tmp_path: Path) -> None:
    weights = torch.zeros(3)

    class Breaking(Counting):
        def state(self) -> dict[str, object]:
            return {"networks": {"generator": {"weight": weights.clone()}}, "seen": self.seen}

    def broken() -> float:
        weights[1] = torch.nan  # by a gradient that the figures of the step knew nothing of
        return 1.0

    list(train(Breaking(-1, broken), tmp_path, Schedule(2)))
    with pytest.raises(ModelError, match="come apart: weights of its generator are no numbers"):
        list(train(Breaking(3, broken), tmp_path, Schedule(4, save_minutes=minutes)))
    assert load_state(tmp_path / STATE)["seen"] == (3 if minutes == 0 else 2)


def test_states_hold_what_was_put_in_and_foreign_files_are_refused(tmp_path: Path) -> None:
    state = {"a": {"b": torch.arange(3), 5: [1, 2.5, None, "x"]}, "big": 2**127, "flag": True}
    save_state(tmp_path / "s", state)
    found = load_state(tmp_path / "s")
    assert torch.equal(found["a"].pop("b"), torch.arange(3))
    assert found == {"a": {5: [1, 2.5, None, "x"]}, "big": 2**127, "flag": True}
    (tmp_path / "other").write_bytes(b"x" * 100)
    with pytest.raises(BadInput, match="not the state"):
        load_state(tmp_path / "other")


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="what is mapped is told here under Linux alone")
def test_a_state_that_was_read_is_not_mapped_any_more(tmp_path: Path) -> None:
    save_state(tmp_path / "s", {"a": torch.zeros(100_000)})
    state = load_state(tmp_path / "s")  # Windows would let nobody write over a file that is
    assert str(tmp_path / "s") not in Path("/proc/self/maps").read_text()
    assert len(state["a"]) == 100_000


def test_a_state_that_cannot_be_written_leaves_no_rest(tmp_path: Path) -> None:
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "in the way").touch()
    with pytest.raises(OSError):
        save_state(tmp_path / "s", {"a": torch.zeros(3)})
    assert [path.name for path in tmp_path.iterdir()] == ["s"]


def test_figures_are_smoothed_and_what_is_measured_is_not(tmp_path: Path) -> None:
    run = Counting(1, lambda: 3.0)
    *_, last = train(run, tmp_path, Schedule(2, log_every=1, sheet_every=1), lambda path: {"distance": float(run.seen)})
    assert last.figures == {"loss": pytest.approx(0.95 * 1.0 + 0.05 * 3.0), "distance": 2.0}


@pytest.mark.parametrize(
    ("hours", "seen", "seconds", "expected"),
    [
        (float("inf"), 600, 1800, 5000),
        (1, 600, 1800, 700),  # half of the hour made a hundred
        (1, 600, 3700, 600),  # its last step took longer than was left
        (1000, 600, 1800, 5000),
    ],
)
def test_how_far_a_run_comes_follows_from_its_speed_since_it_was_started(
    hours: float, seen: int, seconds: float, expected: int
) -> None:
    assert loop._expected(Schedule(5000, hours), 500, seen, seconds) == expected
