"""The list at the next start: what was known of its photos is known still, and no job is done twice."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from app.inference.worker import InferenceWorker
from app.photos import masks
from app.settings import Settings
from app.upscale import recall
from app.upscale.panel import UpscalePanel
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
    assert [row.found for row in later.queue.rows] == before
    until(ready(later, 3))


def test_a_list_that_somebody_edited_brings_what_can_be_read(following: Next, until: Until, tmp_path: Path) -> None:
    (photo,) = belt.photos(tmp_path, 1)
    bad: list[Any] = [1, {}, {"path": 3}, {"path": "x", "folder": "../.."}, {"path": "x", "folder": "/etc"}]
    later = following({"photos": [*bad, {"path": str(photo)}], "job": "seven"})
    assert [row.found.path for row in later.queue.rows] == [photo]
    until(ready(later, 1))


def test_a_stopped_job_that_is_done_at_the_next_start_is_over(
    panel: UpscalePanel, until: Until, following: Next, tmp_path: Path
) -> None:
    begun(panel, until, belt.photos(tmp_path / "in", 8, 160, 160)[0].parent, 8)
    until(lambda: "done" in states(panel))
    panel.runner.stop()
    until(lambda: panel.runner.state == "idle")
    assert recall.interrupted() is not None
    later = following(panel.state())
    until(lambda: set(states(later)) == {"ready"})
    later.job.start()
    until(done(later))
    until(lambda: recall.interrupted() is None)
    assert len(list((tmp_path / "in" / "upscaled").iterdir())) == 8


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
    until(lambda: panel.runner.state == "idle")
    job = recall.interrupted()
    assert job is not None
    _, rows = recall.reopened(job[0])
    assert [row.found for row in rows] == [row.found for row in panel.queue.rows]
