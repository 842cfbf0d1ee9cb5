"""A drawing of the panel after whatever ended the program: found again, with its file, or told of."""

import errno
import shutil
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from app.paint.panel import PaintPanel
from app.paint.state.drawing import Drawing, snapshot
from app.paint.state.project import read_project
from app.photos import placing
from models.catalogue import Catalogue
from tests.paint.conftest import MakePanel, add_painter
from tests.paint.hands import LEFT, NOTHING_HELD, at, draw
from tests.paint.seen import canvas_of, notices
from tests.paint.sheet import LABELS
from tests.paint.test_panel_files import two_projects


def test_what_was_painted_is_there_after_a_sudden_end(make_panel: MakePanel, qtbot: QtBot) -> None:
    panel = make_panel()
    draw(canvas_of(panel), [(100, 100), (200, 300)])
    panel._autosave.write()
    panel._autosave._background.shut()
    painted = panel.document.map.copy()
    panel._autosave._lock.unlock()  # type: ignore[union-attr]  # the system lets go of a dead program's lock
    again = make_panel(wake=False)
    heard = notices(again)
    again.restore({})
    assert np.array_equal(again.document.map, painted)
    assert "again" in heard[-1].what


def test_what_was_painted_is_written_aside_while_the_hand_stays_down(panel: PaintPanel, qtbot: QtBot) -> None:
    canvas = canvas_of(panel)
    panel.desk.choose_label(8)
    draw(canvas, [(100, 100), (200, 300)])
    QTest.mousePress(canvas, LEFT, NOTHING_HELD, at(canvas, 500, 100))
    assert panel._autosave._clock.isActive()
    panel._autosave._clock.setInterval(0)
    file = panel._autosave._recovery.file
    qtbot.waitUntil(file.exists)
    assert panel.desk.hand.busy
    assert read_project(file).label_map()[200, 150] == 8
    QTest.mouseRelease(canvas, LEFT, NOTHING_HELD, at(canvas, 500, 100))


def test_after_a_sudden_end_the_drawing_has_the_file_that_it_came_from(
    panel: PaintPanel, make_panel: MakePanel, qtbot: QtBot, tmp_path: Path
) -> None:
    two_projects(panel, qtbot, tmp_path)
    panel.undo()
    panel._autosave.write()
    panel._autosave._background.shut()
    second = make_panel({})
    assert second.files.path is None  # another program beside this one shows a drawing of its own
    panel._autosave._lock.unlock()  # type: ignore[union-attr]  # the system lets go of a dead program's lock
    again = make_panel(wake=False)
    titles: list[str] = []
    again.titled.connect(titles.append)
    again.restore({})
    assert titles == ["grass"]
    assert again.files.path == tmp_path / "grass.ganvas"


def test_a_drawing_that_was_only_saved_is_kept_with_its_file(
    panel: PaintPanel, make_panel: MakePanel, qtbot: QtBot, tmp_path: Path
) -> None:
    with qtbot.waitSignal(panel.message):
        panel.files.save_project(tmp_path / "lake.ganvas")
    panel._autosave.shut()
    again = make_panel()
    assert again.files.path == tmp_path / "lake.ganvas"


def test_a_drawing_that_takes_long_to_write_aside_is_written_once_at_a_time(
    panel: PaintPanel, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    autosave, gate, copies = panel._autosave, threading.Semaphore(0), list[Drawing]()

    def slowly(copy: Drawing) -> str:
        copies.append(copy)
        assert gate.acquire(timeout=60)
        return ""

    panel._autosave._background._pool.waitForDone()
    monkeypatch.setattr(autosave._recovery, "write", slowly)
    autosave._clock.setInterval(0)
    made = []
    monkeypatch.setattr("app.paint.autosave.snapshot", lambda drawing: made.append(1) or snapshot(drawing))
    try:
        for row in range(100, 400, 50):
            draw(canvas_of(panel), [(100, row), (300, row)])
            qtbot.wait(20)
        assert len(made) == 1  # no copies of the drawing wait for the disk
        gate.release()
        qtbot.waitUntil(lambda: len(copies) == 2)
        assert np.array_equal(copies[-1].label_map(), panel.document.map)  # what was painted meanwhile is not forgotten
    finally:
        gate.release(100)


def test_a_last_drawing_whose_model_has_gone_says_so(
    panel: PaintPanel, make_panel: MakePanel, catalogue: Catalogue, qtbot: QtBot
) -> None:
    add_painter(catalogue, "others", LABELS)
    panel.catalogue_changed()
    panel.choose_model("others")
    panel._autosave.shut()
    shutil.rmtree(catalogue.home / "others")
    again = make_panel(wake=False)
    heard = notices(again)
    again.restore({})
    assert "others, which is not here" in heard[-1].what
    assert "Colours paints it now" in heard[-1].why


def test_a_last_drawing_that_cannot_be_read_is_told_of(
    panel: PaintPanel, make_panel: MakePanel, expected_warnings: list[str]
) -> None:
    expected_warnings.append("cannot be read")
    panel._autosave.shut()
    file = panel._autosave._recovery.file
    file.write_bytes(b"half a file")
    again = make_panel(wake=False)
    heard = notices(again)
    again.restore({})
    assert heard[-1].bad
    assert "cannot be opened" in heard[-1].what
    assert "broken or cut off" in heard[-1].why
    assert str(file.with_suffix(".broken")) in heard[-1].hint
    assert file.with_suffix(".broken").read_bytes() == b"half a file"


def test_after_an_orderly_end_the_drawing_is_there_and_nothing_is_said(make_panel: MakePanel, qtbot: QtBot) -> None:
    panel = make_panel()
    draw(canvas_of(panel), [(100, 100), (200, 300)])
    panel.tools.choose(12)
    kept, painted = panel.state(), panel.document.map.copy()
    panel._autosave.shut()
    again = make_panel(wake=False)
    heard = notices(again)
    again.restore(kept)
    assert np.array_equal(again.document.map, painted)
    assert heard == []
    assert again.tools.label == 12


def test_what_a_disk_refused_is_tried_again_at_the_end(
    make_panel: MakePanel, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(*args: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    panel = make_panel()
    draw(canvas_of(panel), [(100, 100), (200, 300)])
    with monkeypatch.context() as full, qtbot.waitSignal(panel._autosave.refused):
        full.setattr(placing, "write", write)
        panel._autosave.write()
    panel._autosave.shut()  # there is room again
    assert np.array_equal(read_project(panel._autosave._recovery.file).label_map(), panel.document.map)


def test_two_programs_keep_two_drawings(make_panel: MakePanel) -> None:
    first, second = make_panel(), make_panel()
    assert first._autosave._recovery.file != second._autosave._recovery.file


@pytest.mark.parametrize("state", [{"tools": 5}, {"tools": {"tool": "axe", "size": "big", "label": 999}}, {"x": [1]}])
def test_a_broken_state_is_passed_over(make_panel: MakePanel, state: dict[str, object]) -> None:
    made = make_panel(state)
    assert made.tools.tool == "brush"
    assert made.tools.label in [label.id for label in LABELS]
