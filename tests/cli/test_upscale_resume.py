"""`ganvas upscale --resume`: it goes on with what is left, whatever stopped it and whatever came between."""

import io
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.__main__ import main
from app.cli.options import NOTHING_DONE, OK, SOME_FAILED
from app.photos.decoding import decode
from app.photos.encoding import encode
from app.photos.photo import Photo
from app.upscale import making
from app.upscale.conveyor import Conveyor
from app.upscale.journal import Journal
from app.upscale.pace import Paces
from tests.cli.upscaling import ROOT, lines, upscale
from tests.upscale.belt import TWICE, photos

pytestmark = pytest.mark.usefixtures("log_is_closed", "with_model")


def test_a_job_without_a_named_model_goes_on_with_the_one_it_began_with(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photos(tmp_path / "in", 1)
    words = ["upscale", str(tmp_path / "in"), "--device", "cpu", "--out", str(tmp_path / "out")]
    assert main(words) == OK
    (first,) = [path.name for path in (tmp_path / "out").iterdir()]
    with Journal() as journal:
        facts = journal.facts(1)
    assert facts is not None
    paces = Paces()
    paces.note(facts.choices.model, "cpu", 1.0, 1e9)
    paces.note(facts.choices.model, "cpu", 1.0, 1e9)
    paces.keep()
    photos(tmp_path / "in", 2)
    capsys.readouterr()
    assert main([*words, "--dry-run"]) == OK
    assert first.replace("photo0", "photo1") not in capsys.readouterr().out
    assert main([*words, "--resume"]) == OK
    assert "Going on: 1 of 1 are done." in capsys.readouterr().err
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == [first, first.replace("photo0", "photo1")]
    assert main([*words, "--scale", "2", "--resume"]) == OK  # another command
    assert "begins anew" in capsys.readouterr().err


def test_resume_without_a_job_begins_anew_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photos(tmp_path / "in", 1)
    assert upscale(tmp_path / "in", "--out", tmp_path / "out", "--resume") == OK
    assert "begins anew" in capsys.readouterr().err


def test_resume_of_a_finished_job_doubles_nothing_and_makes_again_what_is_gone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photos(tmp_path / "in", 3)
    words = (tmp_path / "in", "--out", tmp_path / "out", "--resume")
    assert upscale(*words) == OK
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    (tmp_path / "out" / names[0]).unlink()
    photos(tmp_path / "in", 4)
    assert upscale(*words) == OK
    assert "2 of 3 are done" in capsys.readouterr().err
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [*names, "photo3_twice_x2.png"]
    assert upscale(*words) == OK
    assert len(list((tmp_path / "out").iterdir())) == 4


def test_results_among_the_photos_are_no_new_ones_for_a_job_that_goes_on(tmp_path: Path) -> None:
    photos(tmp_path / "in", 2)
    assert upscale(tmp_path / "in", "--out", tmp_path / "in") == OK
    names = sorted(path.name for path in (tmp_path / "in").iterdir())
    (tmp_path / "in" / "photo1_twice_x2.png").unlink()
    assert upscale(tmp_path / "in", "--out", tmp_path / "in", "--resume") == OK
    assert sorted(path.name for path in (tmp_path / "in").iterdir()) == names


def test_a_job_that_goes_on_elsewhere_finds_its_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photos(tmp_path / "in", 2)
    monkeypatch.chdir(tmp_path)
    assert upscale("in") == OK
    (tmp_path / "in/upscaled/photo1_twice_x2.png").unlink()
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    assert upscale(tmp_path / "in", "--resume") == OK
    assert not list((tmp_path / "other").iterdir())
    assert len(list((tmp_path / "in/upscaled").iterdir())) == 2


def test_what_was_refused_or_skipped_is_looked_at_anew_by_a_job_that_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    named = photos(tmp_path / "in", 3)
    whole, there = named[0].read_bytes(), tmp_path / "out" / "photo1_twice_x2.png"
    named[0].write_bytes(b"")
    there.parent.mkdir()
    there.write_bytes(b"theirs")
    words = (tmp_path / "in", "--out", tmp_path / "out", "--on-exists", "skip", "--resume")
    for code in (SOME_FAILED, NOTHING_DONE):
        assert upscale(*words) == code
        assert "photo0.png: The file is empty." in capsys.readouterr().err
        assert there.read_bytes() == b"theirs"
    named[0].write_bytes(whole)
    there.unlink()
    assert upscale(*words) == OK
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [f"photo{i}_twice_x2.png" for i in range(3)]


def test_a_list_on_standard_input_is_gone_on_with_whatever_came_or_went(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    named = photos(tmp_path / "in", 3)
    (tmp_path / "in/photo3.png").write_bytes(b"no picture")

    def listed(*paths: Path) -> int:
        monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{path}\n" for path in paths)))
        return upscale("-", "--out", "in/big", "--resume")

    assert listed(*named[:2], tmp_path / "in/photo3.png") == SOME_FAILED
    made = sorted((tmp_path / "in/big").iterdir())
    assert len(made) == 2
    # As `find` gives them the next time: the results are among them, and a new photo.
    assert listed(*named, *made) == OK  # what is not named now is not tried again
    assert "Going on: 2 of 3 are done." in capsys.readouterr().err
    assert [path.name for path in sorted((tmp_path / "in/big").iterdir())] == [f"photo{i}_twice_x2.png" for i in range(3)]


def test_a_photo_that_became_another_meanwhile_is_looked_at_anew_by_a_job_that_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    named = photos(tmp_path / "in", 2)
    words = (tmp_path / "in", "--out", tmp_path / "out")
    assert upscale(*words) == OK
    (tmp_path / "out" / "photo1_twice_x2.png").unlink()
    encode(Photo(np.zeros((9, 7, 3), np.uint8)), named[1])
    assert upscale(*words, "--resume") == NOTHING_DONE
    assert "has changed" in capsys.readouterr().err
    assert upscale(*words, "--resume") == OK
    assert "1 of 2 are done" in capsys.readouterr().err
    made = decode(tmp_path / "out" / "photo1_twice_x2.png")
    assert (made.width, made.height) == (14, 18)


def test_a_job_that_is_worked_on_is_left_alone_by_resume(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photos(tmp_path / "in", 2)
    (tmp_path / "in" / "photo0.png").write_bytes(b"")
    words = (tmp_path / "in", "--out", tmp_path / "out")
    assert upscale(*words) == SOME_FAILED
    with Journal() as journal, journal.claimed(1):
        journal.mark(1, 1, "failed")
        before = [(entry.place, entry.state) for entry in journal.entries(1)]
        assert upscale(*words, "--resume") == NOTHING_DONE
        assert "Another Ganvas is working on this job." in capsys.readouterr().err
        assert [(entry.place, entry.state) for entry in journal.entries(1)] == before


@pytest.mark.parametrize("on_exists", ["rename", "skip"])
def test_a_file_that_took_the_name_meanwhile_stays_and_the_photo_gets_another(
    on_exists: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    photos(tmp_path / "in", 2)
    theirs, plain = tmp_path / "out" / "photo1_twice_x2.png", Journal.begin

    def begin(*words: Any) -> int:
        number = plain(*words)
        theirs.parent.mkdir()
        theirs.write_bytes(b"theirs")
        return number

    monkeypatch.setattr(Journal, "begin", begin)
    words = (tmp_path / "in", "--out", tmp_path / "out", "--on-exists", on_exists)
    if on_exists == "rename":
        assert upscale(*words) == OK
        assert "photo1_twice_x2 (2).png  60x40" in capsys.readouterr().out
    else:
        assert upscale(*words) == SOME_FAILED
        assert "taken the name of its result." in capsys.readouterr().err
        assert upscale(*words, "--resume") == OK
        assert "The result is there already." in capsys.readouterr().err
    assert theirs.read_bytes() == b"theirs"
    ours = ["photo1_twice_x2 (2).png"] if on_exists == "rename" else []
    names = sorted(path.name for path in theirs.parent.iterdir())
    assert names == ["photo0_twice_x2.png", *ours, "photo1_twice_x2.png"]


def test_a_job_that_goes_on_keeps_what_a_later_one_made_and_replaces_its_own(tmp_path: Path) -> None:
    named, others = photos(tmp_path / "in", 2), photos(tmp_path / "others", 1, 10, 10)
    out = tmp_path / "out"
    words = (tmp_path / "in", "--out", out)
    assert upscale(*words) == OK
    key, ours = out / "photo0_twice_x2.png", out / "photo1_twice_x2.png"
    with Journal() as journal:  # as a kill leaves it: one result placed and not noted, one not yet made
        (job,) = [one for one in (journal.facts(1),) if one is not None]
        for place in (0, 1):
            journal.mark(job.id, place, "waiting")
        journal._base.execute("UPDATE jobs SET ended=NULL")
    key.unlink()
    assert upscale(tmp_path / "others", "--out", out) == OK
    theirs, stamp = key.read_bytes(), ours.stat().st_mtime_ns
    assert upscale(*words, "--resume") == OK
    assert key.read_bytes() == theirs
    assert ours.stat().st_mtime_ns != stamp
    assert sorted(path.name for path in out.iterdir()) == ["photo0_twice_x2 (2).png", key.name, ours.name]
    assert decode(out / "photo0_twice_x2 (2).png").width == 2 * decode(named[0]).width
    assert decode(key).width == 2 * decode(others[0]).width


def test_what_is_just_being_written_when_somebody_stops_it_is_told_and_noted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (named,) = photos(tmp_path / "in", 1)
    writes, plain, wait = threading.Event(), making.write, Conveyor.wait

    def write(*words: Any) -> tuple[int, Path]:
        writes.set()
        time.sleep(0.2)
        return plain(*words)

    def stopped(belt: Conveyor, seconds: float | None = None) -> None:
        wait(belt, 0.05)
        if writes.is_set():
            raise KeyboardInterrupt

    monkeypatch.setattr(making, "write", write)
    monkeypatch.setattr(Conveyor, "wait", stopped)
    assert upscale(tmp_path / "in", "--out", tmp_path / "out", "--json") == 130
    (result,) = (tmp_path / "out").iterdir()
    told = [(line["source"], line["output"]) for line in lines(capsys.readouterr().out) if line["event"] == "done"]
    assert told == [(str(named), str(result))]
    with Journal() as journal:
        assert [(entry.state, entry.planned.output) for entry in journal.entries(1)] == [("done", result)]


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no kill -9")
def test_after_kill_9_the_job_goes_on_and_nothing_is_lost_or_doubled(
    tmp_path: Path, ganvas_home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    named = photos(tmp_path / "in", 12, 240, 300)
    out = tmp_path / "out"
    command = [
        sys.executable,
        "-m",
        "app",
        "upscale",
        "in",
        "--model",
        TWICE,
        "--device",
        "cpu",
        "--threads",
        "1",
        "--out",
        "out",
    ]
    environment = {**os.environ, "GANVAS_HOME": str(ganvas_home), "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as run:
        until = time.monotonic() + 120
        while len(list(out.glob("*.png"))) < 3 and run.poll() is None and time.monotonic() < until:
            time.sleep(0.005)
        run.kill()
    before = {path.name: path.stat().st_mtime_ns for path in out.glob("*.png")}
    assert 3 <= len(before) < 12
    monkeypatch.chdir(tmp_path)
    assert upscale("in", "--out", "out", "--resume") == OK
    assert "Going on" in capsys.readouterr().err
    after = {path.name: path.stat().st_mtime_ns for path in out.glob("*.png")}
    assert sorted(after) == sorted(f"{path.stem}_twice_x2.png" for path in named)
    assert not list(out.glob(".ganvas-*"))
    assert sum(after[name] != stamp for name, stamp in before.items()) <= 2  # finished, but not yet noted
    assert {decode(path).width for path in out.glob("*.png")} == {600}


def test_a_job_does_not_go_on_beneath_a_disk_that_is_not_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    disk, away = tmp_path / "disk", tmp_path / "away"
    disk.mkdir()
    there = {str(disk)}
    monkeypatch.setattr(os.path, "ismount", lambda path: str(path) in there)
    photos(tmp_path / "in", 3)
    assert upscale(tmp_path / "in", "--out", disk / "out") == OK
    there.clear()
    disk.rename(away)
    disk.mkdir()
    capsys.readouterr()
    assert upscale(tmp_path / "in", "--out", disk / "out", "--resume") == NOTHING_DONE
    assert f"The disk at {disk} is not there" in capsys.readouterr().err
    assert list(disk.iterdir()) == []
    there.add(str(disk))
    disk.rmdir()
    away.rename(disk)
    assert upscale(tmp_path / "in", "--out", disk / "out", "--resume") == OK
    assert "Going on: 3 of 3 are done." in capsys.readouterr().err
    assert len(list((disk / "out").iterdir())) == 3


def test_a_dry_run_tells_what_going_on_would_make_and_changes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    named = photos(tmp_path / "in", 3)
    words = (tmp_path / "in", "--out", tmp_path / "out")
    assert upscale(*words) == OK
    made = sorted((tmp_path / "out").iterdir())
    made[1].unlink()
    capsys.readouterr()
    for _ in range(2):
        assert upscale(*words, "--resume", "--dry-run") == OK
        told = capsys.readouterr()
        assert told.out.splitlines() == [f"{named[1]} -> {made[1]}  60x40"]
        assert "Going on: 2 of 3 are done." in told.err
    assert sorted((tmp_path / "out").iterdir()) == [made[0], made[2]]
    assert upscale(tmp_path / "in", "--out", tmp_path / "other", "--resume", "--dry-run") == OK
    assert "it begins anew" in capsys.readouterr().err
    assert upscale(*words, "--resume") == OK
    assert sorted((tmp_path / "out").iterdir()) == made


def test_what_is_done_beside_photos_that_are_not_there_just_now_is_done_still(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Their disk is off, for example. All of them failed, and were made once more under the next name when it was back."""
    photos(tmp_path / "in", 3)
    assert upscale(tmp_path / "in") == OK
    (tmp_path / "in").rename(tmp_path / "away")
    assert upscale(tmp_path / "in", "--resume") != OK
    assert not (tmp_path / "in").exists()
    (tmp_path / "away").rename(tmp_path / "in")
    capsys.readouterr()
    assert upscale(tmp_path / "in", "--resume") == OK
    assert "Going on: 3 of" in capsys.readouterr().err
    assert len(list((tmp_path / "in" / "upscaled").iterdir())) == 3
