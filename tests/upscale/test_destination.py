"""A disk that is taken off amid a job: it waits, and nothing is computed for nothing or written elsewhere."""

import errno
import os
import shutil
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.inference.engine import Engine
from app.inference.updates import Tile
from app.photos import placing
from app.upscale import destination, results
from app.upscale.conveyor import Conveyor
from app.upscale.destination import Destination, DestinationLost, Sources
from app.upscale.driving import drive
from app.upscale.items import Event
from app.upscale.plan import Choices
from app.upscale.sizes import parse_target
from tests.upscale.belt import TWICE, photos, planned


def job(folder: Path, count: int) -> tuple[Choices, list[Path]]:
    return Choices(TWICE, 2, parse_target("x2"), format="png", into=folder / "out"), photos(folder / "in", count)


def driven(belt: Conveyor, running: Engine, then: Callable[[Event], None]) -> list[Event]:
    events: list[Event] = []

    def told(event: Event) -> None:
        events.append(event)
        then(event)

    drive(belt, running, told)
    return events


def test_a_folder_that_is_gone_stops_the_job_and_it_goes_on_where_it_is_back(running: Engine, tmp_path: Path) -> None:
    choices, named = job(tmp_path, 40)
    out, away = tmp_path / "out", tmp_path / "away"
    out.mkdir()

    def taken_off(event: Event) -> None:
        if event.stage == "done" and not away.exists():
            out.rename(away)

    with Conveyor(choices) as belt:
        for index, one in enumerate(planned(named, choices)):
            belt.add(index, one)
        events = driven(belt, running, taken_off)
        assert belt.halted is not None
        assert belt.halted.what == f"{out} is not there any more."
        assert not out.exists()  # nothing was made in its place
        assert not [event for event in events if event.stage == "failed"]
        assert len([event for event in events if event.stage == "working" and event.share == 0]) < len(named)
        belt.resume()  # though it is not there yet
        events += driven(belt, running, lambda event: None)
        assert belt.halted is not None
        assert not out.exists()
        away.rename(out)
        belt.resume()
        events += driven(belt, running, lambda event: None)
        assert belt.halted is None
    assert sorted(event.index for event in events if event.stage == "done") == list(range(len(named)))
    assert sorted(path.name for path in out.iterdir()) == sorted(f"{path.stem}_twice_x2.png" for path in named)


def test_the_empty_folder_where_a_disk_was_gets_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    disks = {str(tmp_path)}
    monkeypatch.setattr(os.path, "ismount", lambda path: str(path) in disks)
    place = Destination(tmp_path / "out")  # which is to be made
    written: list[int] = []
    place.guard(lambda: written.append(1))
    disks.clear()
    with pytest.raises(DestinationLost, match="not there any more"):
        place.guard(lambda: written.append(2))
    disks.add(str(tmp_path))
    place.guard(lambda: written.append(3))
    assert written == [1, 3]


@pytest.mark.skipif(sys.platform == "win32", reason="links are not for everybody there")
def test_nor_does_it_where_a_link_leads_to_the_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    disk, link = tmp_path / "disk", tmp_path / "link"
    disk.mkdir()
    link.symlink_to(disk)
    disks = {str(disk)}
    monkeypatch.setattr(os.path, "ismount", lambda path: str(path) in disks)
    assert destination.disk_of(link / "out") == disk
    place = Destination(link)
    disks.clear()
    with pytest.raises(DestinationLost, match="link is not there any more"):
        place.guard(lambda: None)
    disks.add(str(disk))
    sources = Sources()
    sources.guard(link / "first.png", lambda: None)
    disks.clear()
    with pytest.raises(DestinationLost, match="disk is not there any more"):
        sources.guard(link / "second.png", failing(errno.ENOENT))


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.ENOTCONN, errno.EACCES])
def test_a_disk_that_answers_with_errors_alone_is_lost_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, number: int) -> None:
    """It was pulled out, and is still listed: each photo failed."""
    place, stat = Destination(tmp_path), os.stat

    def dead(path: Any, **how: Any) -> os.stat_result:
        return stat(path, **how) if str(path) != str(tmp_path) else failing(number)()

    with monkeypatch.context() as patch:
        patch.setattr(os, "stat", dead)
        with pytest.raises(DestinationLost, match="not there any more"):
            place.guard(lambda: None)
        assert isinstance(place.met(OSError(number, os.strerror(number))), DestinationLost)


def test_whoever_owns_a_belt_is_not_held_up_by_the_disk(running: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    choices, named = job(tmp_path, 5)
    (tmp_path / "out").mkdir()
    looks = []

    def looked(disk: Path | None) -> bool:
        looks.append(threading.current_thread())
        return False

    with Conveyor(choices) as belt:
        monkeypatch.setattr(destination, "is_off", looked)
        for index, one in enumerate(planned(named, choices)):
            belt.add(index, one)
        driven(belt, running, lambda event: None)
    assert looks
    assert threading.current_thread() not in looks


def test_a_disk_with_photos_that_is_taken_off_is_waited_for(
    running: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    choices, named = job(tmp_path, 40)
    more = photos(tmp_path / "in" / "deep", 4)
    there, away = {str(tmp_path / "in")}, tmp_path / "away"
    monkeypatch.setattr(os.path, "ismount", lambda path: str(path) in there)

    def taken_off(event: Event) -> None:
        if event.stage == "done" and not away.exists():
            there.clear()
            (tmp_path / "in").rename(away)

    with Conveyor(choices) as belt:
        for index, one in enumerate(planned([*named, *more], choices)):
            belt.add(index, one)
        events = driven(belt, running, taken_off)
        assert belt.halted is not None
        assert belt.halted.what == f"The disk at {tmp_path / 'in'} is not there any more."
        assert not [event for event in events if event.stage == "failed"]
        away.rename(tmp_path / "in")
        there.add(str(tmp_path / "in"))
        more[0].unlink()  # which is another thing
        belt.resume()
        events += driven(belt, running, lambda event: None)
        assert belt.halted is None
    assert [event.index for event in events if event.stage == "failed"] == [40]
    assert sorted(event.index for event in events if event.stage == "done") == [*range(40), 41, 42, 43]


def failing(number: int) -> Callable[[], Any]:
    def write() -> Any:
        raise OSError(number, os.strerror(number))

    return write


def test_a_disk_that_takes_no_file_any_more_is_lost_and_one_name_that_it_does_not_take_is_not(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    place = Destination(tmp_path)
    with pytest.raises(OSError, match="too long") as one:
        place.guard(failing(errno.ENAMETOOLONG))
    assert not isinstance(one.value, DestinationLost)
    with pytest.raises(placing.NameTaken):
        place.guard(lambda: (_ for _ in ()).throw(placing.NameTaken(tmp_path)))
    monkeypatch.setattr(destination.tempfile, "TemporaryFile", lambda **where: failing(errno.EIO)())
    with pytest.raises(DestinationLost, match=r"cannot be written to any more: Input/output error\."):
        place.guard(failing(errno.EIO))
    with pytest.raises(OSError, match="Input/output") as beside:
        Destination(None).guard(failing(errno.EIO))
    assert not isinstance(beside.value, DestinationLost)


@pytest.mark.parametrize(
    ("number", "what", "first"),
    [
        (errno.ENOSPC, "The disk is full.", "Free some space"),
        (errno.EDQUOT, "The disk is full.", "Free some space"),
        (errno.EROFS, "The disk cannot be written to.", "Make it writable"),
    ],
)
def test_a_disk_that_is_full_or_read_only_is_called_so_though_it_takes_no_file_at_all(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, number: int, what: str, first: str
) -> None:
    """Not that it should be brought back: it is there."""
    monkeypatch.setattr(destination.tempfile, "TemporaryFile", lambda **where: failing(number)())
    with pytest.raises(OSError, match=os.strerror(number)) as met:
        Destination(tmp_path).guard(failing(number))
    assert destination.stops_all(met.value)
    said = destination.halt_of(met.value)
    assert said.what == what
    assert said.hint == f"{first}, then go on: what is finished is kept."


def made_when_it_is_back(running: Engine, choices: Choices, named: list[Path]) -> None:
    """The job halts, nothing fails, and the one photo is there when the folder is."""
    assert choices.into is not None
    with Conveyor(choices) as belt:
        for index, one in enumerate(planned(named, choices)):
            belt.add(index, one)
        events = driven(belt, running, lambda event: None)
        assert belt.halted is not None
        assert not [event for event in events if event.stage == "failed"]
        choices.into.mkdir()
        belt.resume()
        events += driven(belt, running, lambda event: None)
    assert sorted(event.index for event in events if event.stage == "done") == [0]
    assert len(list(choices.into.iterdir())) == 1


def test_a_large_photo_that_met_a_lost_disk_amid_its_rows_is_made_anew(
    running: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("app.upscale.making.STREAM_BYTES", 1)
    choices, named = job(tmp_path, 1)
    out = tmp_path / "out"
    out.mkdir()
    finish, lost = results.Stream.finish, []

    def finished(stream: results.Stream) -> int:
        if not lost:
            lost.append(out)
            shutil.rmtree(out)
        return finish(stream)

    monkeypatch.setattr(results.Stream, "finish", finished)
    made_when_it_is_back(running, choices, named)


def test_so_is_one_that_met_it_while_its_rows_were_laid(running: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It failed, its file being gone: it was the disk that was."""
    monkeypatch.setattr("app.upscale.making.STREAM_BYTES", 1)
    choices, named = job(tmp_path, 1)
    out = tmp_path / "out"
    out.mkdir()
    put, lost = results.StreamedAssembly.put, []

    def laid(assembly: results.StreamedAssembly, tile: Tile, below: int = 0) -> None:
        if not lost:
            lost.append(out)
            shutil.rmtree(out)
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        put(assembly, tile, below)

    monkeypatch.setattr(results.StreamedAssembly, "put", laid)
    made_when_it_is_back(running, choices, named)
