"""Another program took the name of a result since it was planned: neither its file nor the network's work is lost."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from app.inference.engine import Engine
from app.photos.decoding import decode
from app.upscale import making
from app.upscale.conveyor import Conveyor
from app.upscale.items import Event
from app.upscale.journal import Journal
from app.upscale.plan import Choices
from tests.upscale.belt import doubled, drive, photos, planned
from tests.upscale.films import make
from tests.upscale.test_hands import X2


def taken_meanwhile(named: list[Path], running: Engine, choices: Choices, into: Path) -> Event:
    (one,) = planned(named, choices)
    assert one.output is not None
    into.mkdir()
    with Conveyor(choices) as belt:
        belt.add(0, one)
        one.output.write_bytes(b"another's")
        last = drive(belt, running)[-1]
    assert one.output.read_bytes() == b"another's"
    return last


@pytest.mark.parametrize("streamed", [False, True])
def test_the_result_gets_the_next_free_name(
    tmp_path: Path, running: Engine, streamed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if streamed:
        monkeypatch.setattr(making, "STREAM_BYTES", 0)
    named, out = photos(tmp_path / "in", 1), tmp_path / "out"
    last = taken_meanwhile(named, running, replace(X2, into=out, keep_time=True), out)
    assert (last.stage, last.output) == ("done", out / "photo0_twice_x2 (2).png")
    assert last.output is not None
    assert np.array_equal(decode(last.output).pixels, doubled(decode(named[0]).pixels))
    assert last.output.stat().st_mtime_ns == named[0].stat().st_mtime_ns
    assert last.bytes == last.output.stat().st_size
    assert len(list(out.iterdir())) == 2


def test_so_does_that_of_an_animation(tmp_path: Path, running: Engine) -> None:
    frames = [Image.fromarray(np.full((10, 12, 3), value, np.uint8)) for value in (10, 200)]
    frames[0].save(tmp_path / "moving.gif", save_all=True, append_images=frames[1:])
    out = tmp_path / "out"
    last = taken_meanwhile([tmp_path / "moving.gif"], running, replace(X2, into=out, format=None), out)
    assert last.output == out / "moving_twice_x2 (2).gif"


def test_where_what_is_there_is_to_stay_alone_it_fails(tmp_path: Path, running: Engine) -> None:
    out = tmp_path / "out"
    last = taken_meanwhile(photos(tmp_path / "in", 1), running, replace(X2, into=out, on_exists="skip"), out)
    assert str(last.failure) == "Another file has taken the name of its result. Try it again."
    assert len(list(out.iterdir())) == 1


def test_the_journal_notes_the_name_that_it_got(ganvas_home: Path, tmp_path: Path) -> None:
    choices = replace(X2, into=tmp_path / "out")
    plan = planned(photos(tmp_path / "in", 2), choices)
    journal = Journal()
    try:
        job = journal.begin(choices, plan)
        journal.mark(job, 0, "done", output=tmp_path / "other.png")
        journal.mark(job, 1, "done")
        assert [entry.planned.output for entry in journal.entries(job)] == [tmp_path / "other.png", plan[1].output]
    finally:
        journal.close()


def stopped(tmp_path: Path, running: Engine, choices: Choices, named: list[Path]) -> tuple[list[Path], Path]:
    """Results of a job that was killed as they were placed and none was noted; and the folder that they lie in."""
    out = tmp_path / "out"
    choices = replace(choices, into=out)
    plan = planned(named, choices)
    with Journal() as journal:
        journal.begin(choices, plan)
    with Conveyor(choices) as belt:
        for index, one in enumerate(plan):
            belt.add(index, one)
        made = sorted(event.output for event in drive(belt, running) if event.stage == "done" and event.output is not None)
    return made, out


def waiting() -> list[tuple[Path | None, bool]]:
    """Where the results of the job are put when it goes on, and whether they replace what is there."""
    with Journal() as journal:
        journal.reopen(1)
        return [
            (entry.planned.output, entry.planned.replaces and entry.state == "waiting")
            for entry in journal.entries(1, again=True)
        ]


@pytest.mark.parametrize("format", ["png", "jpeg", "webp", "avif", "tiff"])
def test_what_a_job_placed_before_it_was_killed_is_its_own(
    ganvas_home: Path, tmp_path: Path, running: Engine, format: str
) -> None:
    (made,), _ = stopped(tmp_path, running, replace(X2, format=format, metadata="strip", grain=0.5), photos(tmp_path / "in", 1))
    assert waiting() == [(made, True)]


@pytest.mark.parametrize("kind", ["gif", "webp", "mp4"])
def test_so_is_what_moves(ganvas_home: Path, tmp_path: Path, running: Engine, kind: str) -> None:
    path = tmp_path / f"moving.{kind}"
    if kind == "mp4":
        make(path, frames=6, size="32x24")
    else:
        frames = [Image.fromarray(np.full((10, 12, 3), value, np.uint8)) for value in (10, 200)]
        frames[0].save(path, save_all=True, append_images=frames[1:], lossless=True)
    (made,), _ = stopped(tmp_path, running, replace(X2, format=None), [path])
    assert made.suffix == path.suffix
    assert waiting() == [(made, True)]


def test_what_another_placed_there_meanwhile_is_not(ganvas_home: Path, tmp_path: Path, running: Engine) -> None:
    """The job that went on wrote over it."""
    (first, second), out = stopped(tmp_path, running, X2, photos(tmp_path / "in", 2))
    Image.new("RGB", (60, 40)).save(first)
    assert waiting() == [(out / "photo0_twice_x2 (2).png", False), (second, True)]
    with Conveyor(replace(X2, into=out, strength=0.5)) as belt:  # another command
        belt.add(0, replace(planned([tmp_path / "in/photo1.png"], replace(X2, into=out))[0], output=second, replaces=True))
        assert drive(belt, running)[-1].output == second
    assert waiting()[1] == (out / "photo1_twice_x2 (2).png", False)


def test_where_what_is_there_is_skipped_so_is_what_another_placed_there(
    ganvas_home: Path, tmp_path: Path, running: Engine
) -> None:
    (first, second), _ = stopped(tmp_path, running, replace(X2, on_exists="skip"), photos(tmp_path / "in", 2))
    Image.new("RGB", (60, 40)).save(first)
    assert waiting() == [(first, False), (second, True)]
    with Journal() as journal:
        assert [(entry.state, entry.reason) for entry in journal.entries(1)] == [
            ("skipped", "The result is there already."),
            ("waiting", ""),
        ]


def test_nor_is_a_result_doubled_that_had_got_another_name_when_the_job_was_killed(
    ganvas_home: Path, tmp_path: Path, running: Engine
) -> None:
    (made,), out = stopped(tmp_path, running, X2, photos(tmp_path / "in", 1))
    made.rename(out / "photo0_twice_x2 (2).png")
    made.write_bytes(b"another's")
    assert waiting() == [(out / "photo0_twice_x2 (2).png", True)]


def test_a_gif_that_an_earlier_job_made_meanwhile_is_the_earlier_ones(ganvas_home: Path, tmp_path: Path, running: Engine) -> None:
    """It says nothing of itself: the journal does."""
    frames = [Image.fromarray(np.full((10, 12, 3), value, np.uint8)) for value in (10, 200)]
    frames[0].save(tmp_path / "moving.gif", save_all=True, append_images=frames[1:])
    choices = replace(X2, format=None)
    (made,), out = stopped(tmp_path, running, choices, [tmp_path / "moving.gif"])
    with Journal() as journal:
        journal.mark(1, 0, "done")
        later = journal.begin(replace(choices, into=out), [entry.planned for entry in journal.entries(1)])
        journal.reopen(later)
        (entry,) = journal.entries(later, again=True)
    assert (entry.planned.output, entry.planned.replaces) == (out / "moving_twice_x2 (2).gif", False)
    assert made.exists()
