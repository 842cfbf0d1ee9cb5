"""The list at the next start: what was known of its photos is known still, and no job is done twice."""

import os
import threading
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from app.inference.worker import InferenceWorker
from app.photos import masks
from app.photos.decoding import decode
from app.settings import Settings
from app.upscale import finding, recall
from app.upscale.inputs import Found
from app.upscale.journal import Journal
from app.upscale.missing import Missing
from app.upscale.panel import UpscalePanel
from app.upscale.plan import Choices, Planner
from app.upscale.sizes import parse_target
from app.widgets.panel import Notice
from models.catalogue import Catalogue
from tests.upscale import belt
from tests.upscale.at_panel import Until, begun, done, ready, states

Next = Callable[[dict[str, Any]], UpscalePanel]


@pytest.fixture
def following(worker: InferenceWorker, home_catalogue: Catalogue, qtbot: QtBot) -> Next:
    def start(state: dict[str, Any]) -> UpscalePanel:
        """The panel as it comes at the next start."""
        made = UpscalePanel(worker, home_catalogue, Settings())
        qtbot.addWidget(made, before_close_func=UpscalePanel.shut)
        made.restore(state)
        return made

    return start


def test_places_in_the_tree_and_what_was_painted_are_kept(
    panel: UpscalePanel, until: Until, following: Next, tmp_path: Path
) -> None:
    belt.photos(tmp_path / "in" / "sea", 1)
    belt.photos(tmp_path / "in" / "hills", 1)
    panel.options.changed.emit(replace(panel.queue.choices, into=tmp_path / "large"), "Folder")
    panel.add([tmp_path / "in"])
    panel.receive(np.full((20, 30, 3), 90, np.uint8))
    until(ready(panel, 3))
    mask = masks.keep(np.full((20, 30), 255, np.uint8))
    panel.queue.protect({panel.queue.rows[0]: mask}, "Protect")
    before = [row.found for row in panel.queue.rows]
    assert {found.folder for found in before} == {"", "sea", "hills"}
    later = following(panel.state())
    until(ready(later, 3))
    assert [row.found for row in later.queue.rows] == before


def test_a_list_that_is_too_long_is_told_at_the_next_start(
    panel: UpscalePanel, until: Until, following: Next, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recall, "KEPT_PHOTOS", 3)
    panel.add([belt.photos(tmp_path / "in", 5)[0].parent])
    until(ready(panel, 5))
    told: list[str] = []
    monkeypatch.setattr(Missing, "_say", lambda missing, what, why: told.append(what))
    later = following(panel.state())
    until(ready(later, 3))
    assert told == ["2 of the 5 photos that waited on the list are not on it any more."]
    following(later.state())
    assert len(told) == 1


def test_twenty_thousand_photos_are_kept_and_never_more_than_can_be_read(tmp_path: Path) -> None:
    settings = Settings()

    def kept(name: str, count: int) -> tuple[int, int]:
        state = recall.keep_photos(Found(Path(f"/pictures/{name}/{number}.jpg"), name) for number in range(count))
        settings.keep_state(state)
        again = settings.last_state()
        assert [found.path for found in recall.kept_photos(again["photos"])][:1] == [Path(f"/pictures/{name}/0.jpg")]
        return len(again["photos"]), again["left_out"]

    assert kept("sea", 20_000) == (20_000, 0)
    assert kept("\udcff\U0001f30a", 20_000) == (20_000, 0)
    for name in ("n" * 200, "\U0001f30a" * 60, "\udcff" * 200, '\x7f"' * 50):
        photos, left_out = kept(name, 60_000)
        assert photos + left_out == 60_000
        assert left_out >= 40_000


def test_a_list_that_somebody_edited_brings_what_can_be_read(following: Next, until: Until, tmp_path: Path) -> None:
    (photo,) = belt.photos(tmp_path, 1)
    bad: list[Any] = [1, {}, {"path": 3}, {"path": "x", "folder": "../.."}, {"path": "x", "folder": "/etc"}]
    later = following({"photos": [*bad, {"path": str(photo)}], "job": "seven"})
    until(ready(later, 1))
    assert [row.found.path for row in later.queue.rows] == [photo]
    assert following({"photos": 7, "left_out": 3}).queue.rows == []


def test_many_photos_come_in_pieces_and_their_names_are_looked_at_beside_the_window(
    following: Next, until: Until, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finding, "KNOWN_AT_ONCE", 2)
    plain, threads = Planner.add_sources, set[bool]()

    def add_sources(planner: Planner, paths: Iterable[Path]) -> None:
        if paths := list(paths):
            threads.add(threading.current_thread() is threading.main_thread())
        plain(planner, paths)

    monkeypatch.setattr(Planner, "add_sources", add_sources)
    kept = [{"path": str(path)} for path in belt.photos(tmp_path, 9)]
    later = following({"photos": kept})
    sizes, coming = [len(later.queue.rows)], [later.state()["photos"]]
    later.queue.changed.append(lambda what: sizes.append(len(later.queue.rows)))
    later.queue.changed.append(lambda what: coming.append(later.state()["photos"]))
    until(ready(later, 9))
    assert {2, 4, 6, 8, 9} <= set(sizes)
    assert all(state == kept for state in coming)  # an end amid it forgets none
    assert threads == {False}


def test_a_photo_of_a_job_that_goes_on_while_the_list_still_comes_is_on_it_once(
    following: Next, until: Until, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    choices = Choices(belt.TWICE, 2, parse_target("x2"), format="png")
    named = belt.photos(tmp_path, 3)
    with Journal() as journal:
        number = journal.begin(choices, belt.planned(named, choices))
    later = following({"photos": [{"path": str(path)} for path in named]})
    assert later.queue.rows == []
    later.job._go_on_with(number, *recall.reopened(number))
    until(done(later))
    until(lambda: not later.intake.busy)
    assert [row.found.path for row in later.queue.rows] == named


def test_a_stopped_job_that_is_done_at_the_next_start_is_over(
    panel: UpscalePanel, until: Until, following: Next, tmp_path: Path
) -> None:
    begun(panel, until, belt.photos(tmp_path / "in", 8, 160, 160)[0].parent, 8)
    until(lambda: "done" in states(panel))
    panel.runner.stop()
    until(lambda: panel.runner.state == "idle")
    until(lambda: recall.interrupted() is not None)  # the journal is let go of beside the window
    later = following(panel.state())
    until(lambda: set(states(later)) == {"ready"})
    later.job.start()
    until(done(later))
    until(lambda: recall.interrupted() is None)
    assert len(list((tmp_path / "in" / "upscaled").iterdir())) == 8


@pytest.mark.parametrize("stopped_too", [False, True])
def test_a_stopped_job_whose_photos_another_one_does_is_not_offered(
    panel: UpscalePanel, until: Until, following: Next, tmp_path: Path, stopped_too: bool
) -> None:
    choices = Choices(belt.TWICE, 2, parse_target("x2"), format="png")
    with Journal() as journal:
        older = journal.begin(choices, belt.planned(belt.photos(tmp_path / "older", 3, 160, 160), choices))
    begun(panel, until, belt.photos(tmp_path / "in", 8, 160, 160)[0].parent, 8)
    until(lambda: "done" in states(panel))
    panel.runner.stop()
    until(lambda: panel.runner.state == "idle")
    later = following(panel.state())
    until(lambda: len(states(later)) > 0 and set(states(later)) == {"ready"})
    later.job._go_on_with(older, *recall.reopened(older))
    if stopped_too:
        later.runner.stop()
        until(lambda: later.runner.state == "idle" and set(states(later)) == {"ready"} and not later.intake.busy)
        assert later.runner.stopped_job == older
        later.job.start()
    until(done(later))
    until(lambda: recall.interrupted() is None)
    assert later.state() == {"photos": [], "left_out": 0, "job": None}
    assert len(list((tmp_path / "in" / "upscaled").iterdir())) == 8


def test_a_stopped_job_is_not_over_because_a_photo_is_saved_by_itself(panel: UpscalePanel, until: Until, tmp_path: Path) -> None:
    named = belt.photos(tmp_path / "in", 8, 160, 160)
    begun(panel, until, tmp_path / "in", 8)
    until(lambda: "done" in states(panel))
    panel.runner.stop()
    until(lambda: panel.runner.state == "idle")
    left = states(panel).count("ready")
    assert left
    stopped = panel.runner.stopped_job
    panel.saver.enlarge_into(tmp_path / "alone.png", named[0], decode(named[0]))
    until(lambda: panel.runner.state != "idle")
    assert len(panel.state()["photos"]) == left  # the list is no part of that job
    until(lambda: (tmp_path / "alone.png").is_file() and panel.runner.state == "idle")
    until(lambda: recall.interrupted() == (stopped, 8 - left, 8))
    assert panel.state()["job"] == stopped


def test_a_photo_saved_by_itself_that_is_stopped_is_not_offered(panel: UpscalePanel, until: Until, tmp_path: Path) -> None:
    (photo,) = belt.photos(tmp_path / "in", 1, 400, 400)
    panel.saver.enlarge_into(tmp_path / "alone.png", photo, decode(photo))
    until(lambda: panel.runner.state == "running")
    panel.runner.stop()
    until(lambda: panel.runner.state == "idle")
    until(lambda: recall.interrupted() is None)
    assert panel.runner.stopped_job is None
    assert not (tmp_path / "alone.png").exists()


def interrupted(folder: Path, into: Path | None = None) -> int:
    """The number of a job of two photos that nobody works on."""
    choices = Choices(belt.TWICE, 2, parse_target("x2"), into, format="png")
    with Journal() as journal:
        return journal.begin(choices, belt.planned(belt.photos(folder / "in", 2), choices))


def offered(until: Until, notices: list[Notice | None]) -> Notice:
    """The offer to go on with it, as it stands."""
    until(lambda: bool(notices) and notices[-1] is not None and "0 of 2" in notices[-1].what)
    assert notices[-1] is not None
    return notices[-1]


def test_a_job_that_is_to_go_on_while_another_runs_is_offered_still(
    panel: UpscalePanel, until: Until, tmp_path: Path, notices: list[Notice | None]
) -> None:
    interrupted(tmp_path)
    panel.restore({})
    offer = offered(until, notices)
    assert offer.action is not None
    assert offer.lasts
    begun(panel, until, belt.photos(tmp_path / "other", 2, 200, 200)[0].parent, 2)
    until(lambda: panel.runner.state == "running")
    offer.action()
    again = notices[-1]
    assert again is not None
    assert again.hint == "It can go on once the job at work has ended."
    until(done(panel))
    assert again.action is not None
    again.action()
    until(lambda: len(panel.queue.rows) == 4 and done(panel)())


def test_so_is_one_that_cannot_go_on_as_another_began_meanwhile(
    panel: UpscalePanel, until: Until, tmp_path: Path, notices: list[Notice | None]
) -> None:
    number = interrupted(tmp_path)
    panel.restore({})
    offer = offered(until, notices)
    assert offer.action is not None
    with Journal() as journal, journal.claimed(number):  # by a command, for example
        offer.action()
        until(lambda: notices[-1] is not None and notices[-1].hint == "Another Ganvas is working on this job.")
    assert not panel.queue.rows
    panel.add(belt.photos(tmp_path / "other", 2, 200, 200))
    until(ready(panel, 2))
    offer.action()
    panel.job.run(panel.queue.rows)  # while the journal is read
    until(lambda: notices[-1] is not None and notices[-1].hint == "It can go on once the job at work has ended.")
    until(done(panel))
    assert len(panel.queue.rows) == 2


def test_what_was_added_while_a_job_was_offered_stays_on_the_list(
    panel: UpscalePanel, until: Until, tmp_path: Path, notices: list[Notice | None]
) -> None:
    interrupted(tmp_path)
    (new,) = belt.photos(tmp_path / "new", 1)
    panel.restore({"photos": [{"path": str(new)}]})
    offer = offered(until, notices)
    assert offer.action is not None
    panel.add([tmp_path / "in/photo0.png"])
    until(ready(panel, 2))
    offer.action()
    until(done(panel))
    assert [row.found.path.parent.name for row in panel.queue.rows] == ["in", "in", "new"]
    assert len(list((tmp_path / "in/upscaled").iterdir())) == 2


def test_an_offer_to_go_on_stays_where_the_disk_of_the_results_is_not_there(
    panel: UpscalePanel, until: Until, tmp_path: Path, notices: list[Notice | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    there = {str(tmp_path / "disk")}
    monkeypatch.setattr(os.path, "ismount", lambda path: str(path) in there)
    interrupted(tmp_path, into=tmp_path / "disk" / "out")
    there.clear()
    panel.restore({})
    for _ in range(2):
        offer = offered(until, notices)
        assert offer.action is not None
        offer.action()
        until(lambda: notices[-1] is not None and f"The disk at {tmp_path / 'disk'} is not there" in notices[-1].hint)
    assert not panel.queue.rows
    there.add(str(tmp_path / "disk"))
    offer.action()
    until(done(panel))
    assert len(list((tmp_path / "disk" / "out").iterdir())) == 2


def test_what_waits_is_kept_soon_and_is_the_journals_once_a_job_runs(panel: UpscalePanel, until: Until, tmp_path: Path) -> None:
    kept: list[int] = []
    panel.worth_keeping.connect(lambda: kept.append(len(panel.state()["photos"])))
    begun(panel, until, belt.photos(tmp_path / "in", 3)[0].parent, 3)
    assert kept[-1] == 3
    until(lambda: panel.runner.state != "idle")
    assert kept[-1] == 0
    until(done(panel))


def test_photos_of_a_job_that_goes_on_keep_their_places_when_they_are_planned_again(
    panel: UpscalePanel, until: Until, tmp_path: Path
) -> None:
    belt.photos(tmp_path / "in" / "sea", 4, 160, 160)
    panel.options.changed.emit(replace(panel.queue.choices, into=tmp_path / "large"), "Folder")
    begun(panel, until, tmp_path / "in", 4)
    until(lambda: panel.runner.state == "running")
    panel.runner.stop()
    until(lambda: recall.interrupted() is not None)  # the journal lets go of it a moment later
    job = recall.interrupted()
    assert job is not None
    _, rows = recall.reopened(job[0])
    assert [row.found for row in rows] == [row.found for row in panel.queue.rows]
