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
