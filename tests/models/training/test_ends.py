"""What a run is told of its end, towards which its rates fall."""

from pathlib import Path

import pytest

from models.training.loop import Schedule, _expected, train


class Heard:
    """A run that keeps what it was told of its end."""

    def __init__(self) -> None:
        self.seen, self.until, self.told = 0, 0, []  # type: ignore[var-annotated]

    def step(self) -> dict[str, float]:
        self.told.append(self.until)
        self.seen += 4
        return {}

    def state(self) -> dict[str, int]:
        return {"seen": self.seen}


def test_a_run_that_ends_by_pictures_knows_so_from_its_first_step(tmp_path: Path) -> None:
    run = Heard()
    list(train(run, tmp_path, Schedule(12)))
    assert run.told == [12, 12, 12]


@pytest.mark.parametrize(
    ("pictures", "hours", "first", "seen", "seconds", "end"),
    [
        (10_000, 2.0, 0, 500, 1800, 2000),  # a quarter of the time is gone
        (1_500, 2.0, 0, 500, 1800, 1500),  # pictures come first
        (10_000, 1.0, 4000, 4100, 360, 5000),  # what was seen in another sitting says nothing of this one's speed
        (10_000, 0.1, 0, 500, 720, 500),  # it is over
        (10_000, float("inf"), 0, 500, 1800, 10_000),
    ],
)
def test_the_end_of_a_run_with_hours_is_told_from_its_speed(
    pictures: int, hours: float, first: int, seen: int, seconds: float, end: int
) -> None:
    assert _expected(Schedule(pictures, hours), first, seen, seconds) == end
