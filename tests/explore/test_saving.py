"""What Explore writes, reads back, copies and sends."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtGui import QGuiApplication, QImage
from pytestqt.qtbot import QtBot

from app.explore.panel import ExplorePanel
from app.explore.variation import Variation
from app.inference.worker import InferenceWorker
from app.photos import recipe
from app.widgets.panel import Notice
from app.widgets.picture_view import picture_of
from tests.explore.hands import drag, shown

WAIT_MS = 60_000


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp"])
def test_a_saved_picture_restores_what_made_it(
    panel: ExplorePanel, direction: str, at_rest: Callable[[], None], tmp_path: Path, qtbot: QtBot, suffix: str
) -> None:
    drag(qtbot, panel, direction, [0, 1.5])
    panel.tools.moved.emit(3.5, 2.25)
    panel.tools.settled.emit()
    made, file = panel.document.now, tmp_path / f"a face.{suffix}"
    with qtbot.waitSignal(panel.message, timeout=WAIT_MS):
        panel.save(file)
    at_rest()
    if suffix == "png":
        assert np.array_equal(picture_of(QImage(str(file))), shown(panel))
    assert recipe.read_kind(file) == "generated"
    panel.roll()
    assert panel.open_file(file)
    assert panel.document.now == made
    panel.undo()
    assert panel.document.now != made


def test_a_picture_of_a_model_that_is_gone_says_which(panel: ExplorePanel, at_rest: Callable[[], None], tmp_path: Path) -> None:
    at_rest()
    before, notices = panel.document.now, []
    panel.noticed.connect(notices.append)
    made = {"panel": "explore", "version": 1, "model": {"name": "x", "title": "Old Faces", "sha256": "ff"}}
    recipe.write(tmp_path / "a.png", shown(panel), {**made, "variation": Variation("x").to_dict()})
    assert panel.open_file(tmp_path / "a.png")
    assert "Old Faces" in notices[-1].what
    assert panel.document.now == before


def test_a_photo_is_left_to_other_panels(panel: ExplorePanel, tmp_path: Path) -> None:
    QImage(20, 20, QImage.Format.Format_RGB32).save(str(tmp_path / "a.png"))
    assert not panel.open_file(tmp_path / "a.png")
    assert not panel.open_file(tmp_path / "missing.png")


def test_a_disk_that_refuses_is_said(panel: ExplorePanel, at_rest: Callable[[], None], tmp_path: Path, qtbot: QtBot) -> None:
    at_rest()
    with qtbot.waitSignal(panel.noticed, timeout=WAIT_MS) as got:
        panel.save(tmp_path / "no such folder" / "a.png")
    notice = got.args[0]
    assert isinstance(notice, Notice)
    assert notice.bad
    assert notice.why == "No such file or directory."
    assert notice.button


def test_what_is_saved_is_the_picture_of_that_moment_whatever_a_hand_does_next(
    panel: ExplorePanel, at_rest: Callable[[], None], tmp_path: Path, qtbot: QtBot
) -> None:
    at_rest()
    panel.roll()
    wanted = panel.document.now
    panel.save(tmp_path / "wanted.png")
    assert panel.closing() == "A picture that you saved or sent is not finished yet."
    for _ in range(3):
        panel.roll()
    qtbot.waitUntil((tmp_path / "wanted.png").exists, timeout=WAIT_MS)
    at_rest()
    assert panel.closing() == ""
    assert panel.open_file(tmp_path / "wanted.png")
    assert panel.document.now == wanted
    at_rest()
    assert np.array_equal(picture_of(QImage(str(tmp_path / "wanted.png"))), shown(panel))


def test_a_picture_that_was_left_and_cannot_be_made_is_said(
    panel: ExplorePanel, worker: InferenceWorker, at_rest: Callable[[], None], tmp_path: Path, qtbot: QtBot
) -> None:
    at_rest()
    notices: list[Notice | None] = []
    panel.noticed.connect(notices.append)
    here = panel.document.now
    panel.document.become("", "", here.mixed_with(3, (0,)).along("no such direction", 1.0))
    panel.save(tmp_path / "never.png")
    panel.document.become("", "", here)
    qtbot.waitUntil(lambda: any(notice is not None and "no such direction" in notice.what for notice in notices), timeout=WAIT_MS)
    assert panel.closing() == ""
    assert not (tmp_path / "never.png").exists()


def test_the_picture_can_be_copied(panel: ExplorePanel, at_rest: Callable[[], None]) -> None:
    at_rest()
    panel.copy()
    assert np.array_equal(picture_of(QGuiApplication.clipboard().image()), shown(panel))


def test_a_picture_that_is_still_being_made_is_copied_and_sent_once_it_is_there(
    panel: ExplorePanel, at_rest: Callable[[], None], qtbot: QtBot
) -> None:
    at_rest()
    sent: list[np.ndarray] = []
    panel.send_to.connect(lambda name, picture: sent.append(picture))
    panel.roll()
    QGuiApplication.clipboard().clear()
    panel.copy()
    panel.bar.send.click()
    assert sent == []
    at_rest()
    assert np.array_equal(picture_of(QGuiApplication.clipboard().image()), shown(panel))
    assert [picture.tolist() for picture in sent] == [shown(panel).tolist()]
