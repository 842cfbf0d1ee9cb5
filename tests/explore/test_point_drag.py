"""Points dragged in the real panel: arrows set by hand, the picture on its way, what is reached as one step of the history."""

import shutil
from collections.abc import Callable

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from pytestqt.qtbot import QtBot

from app.explore.arrows import Arrow
from app.explore.drag_desk import REMEMBERED
from app.explore.panel import ExplorePanel
from models.catalogue import Catalogue
from models.errors import BadInput
from models.latents import dragging
from tests.explore.conftest import WAIT_MS
from tests.explore.hands import shown
from tests.inference.small_models import FACES

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def armed(panel: ExplorePanel, at_rest: Callable[[], None], qtbot: QtBot) -> ExplorePanel:
    """The panel with the point tool in the hand."""
    at_rest()
    qtbot.waitUntil(lambda: panel.facts is not None, timeout=WAIT_MS)
    panel.tools.drag.set_open(True)
    panel.tools.drag.points.click()
    return panel


def spot(panel: ExplorePanel, x: float, y: float) -> QPoint:
    """Where a place of the picture (fractions of its side) lies in the view."""
    side = panel.view.image.width()
    return panel.view.to_view(QPointF(x * side, y * side)).toPoint()


def pull(
    qtbot: QtBot, panel: ExplorePanel, start: tuple[float, float], end: tuple[float, float], button: Qt.MouseButton = LEFT
) -> None:
    qtbot.mousePress(panel.view, button, pos=spot(panel, *start))
    qtbot.mouseMove(panel.view, spot(panel, *end))
    qtbot.mouseRelease(panel.view, button, pos=spot(panel, *end))


def some_steps(qtbot: QtBot, panel: ExplorePanel, count: int = 2) -> None:
    """Press Start and wait for so many pictures on the way."""
    frames: list[object] = []
    panel.drag.shown.connect(frames.append)
    panel.tools.drag.start.click()
    qtbot.waitUntil(lambda: len(frames) >= count, timeout=WAIT_MS)


def test_press_drag_release_sets_an_arrow_and_another_press_takes_hold_of_it(armed: ExplorePanel, qtbot: QtBot) -> None:
    pull(qtbot, armed, (0.3, 0.4), (0.5, 0.4))
    pull(qtbot, armed, (0.5, 0.4), (0.5, 0.7))
    (arrow,) = armed.view.tool.points.arrows
    assert arrow.handle == pytest.approx((0.3, 0.4), abs=0.01)
    assert arrow.target == pytest.approx((0.5, 0.7), abs=0.01)
    assert armed.tools.drag.start.isEnabled()


def test_delete_takes_the_chosen_arrow_away_and_escape_puts_the_tool_away(armed: ExplorePanel, qtbot: QtBot) -> None:
    pull(qtbot, armed, (0.3, 0.3), (0.4, 0.3))
    pull(qtbot, armed, (0.6, 0.6), (0.7, 0.6))
    qtbot.keyClick(armed.view, Qt.Key.Key_Delete)
    assert [arrow.handle for arrow in armed.view.tool.points.arrows] == [pytest.approx((0.3, 0.3), abs=0.01)]
    assert "Press on the picture" in armed.tools.drag.remark.text()
    qtbot.keyClick(armed.view, Qt.Key.Key_Escape)
    assert not armed.view.tool.active
    assert not armed.tools.drag.points.isChecked()
    assert armed.tools.drag.remark.text() == ""  # a press pans again


def test_escape_while_an_arrow_is_drawn_takes_it_back(armed: ExplorePanel, qtbot: QtBot) -> None:
    qtbot.mousePress(armed.view, LEFT, pos=spot(armed, 0.3, 0.3))
    qtbot.mouseMove(armed.view, spot(armed, 0.5, 0.3))
    qtbot.keyClick(armed.view, Qt.Key.Key_Escape)
    assert armed.view.tool.points.arrows == ()
    assert armed.view.tool.active


@pytest.mark.parametrize("by", ["key", "right button"])
def test_an_arrow_that_is_taken_away_while_it_is_held_is_gone(armed: ExplorePanel, qtbot: QtBot, by: str) -> None:
    pull(qtbot, armed, (0.3, 0.3), (0.5, 0.3))
    qtbot.mousePress(armed.view, LEFT, pos=spot(armed, 0.5, 0.3))
    if by == "key":
        qtbot.keyClick(armed.view, Qt.Key.Key_Delete)
    else:
        qtbot.mousePress(armed.view, Qt.MouseButton.RightButton, pos=spot(armed, 0.5, 0.3))
    qtbot.mouseMove(armed.view, spot(armed, 0.7, 0.3))
    qtbot.mouseRelease(armed.view, LEFT, pos=spot(armed, 0.7, 0.3))
    assert armed.view.tool.points.arrows == ()


def test_the_middle_button_still_pans(armed: ExplorePanel, qtbot: QtBot) -> None:
    centre = armed.view.centre
    pull(qtbot, armed, (0.3, 0.3), (0.5, 0.3), Qt.MouseButton.MiddleButton)
    assert armed.view.centre != centre
    assert armed.view.tool.points.arrows == ()


def test_stop_keeps_what_is_reached_as_one_step_that_can_be_taken_back(
    armed: ExplorePanel, at_rest: Callable[[], None], qtbot: QtBot
) -> None:
    before, picture = armed.document.now, shown(armed)
    pull(qtbot, armed, (0.3, 0.4), (0.6, 0.4))
    arrows = armed.view.tool.points.arrows
    some_steps(qtbot, armed, 3)
    armed.tools.drag.start.click()
    assert not armed.drag.is_running
    assert armed.document.now != before
    at_rest()
    assert not np.array_equal(shown(armed), picture)
    (left,) = armed.view.tool.points.arrows
    assert left.target == arrows[0].target
    armed.history.undo()
    at_rest()
    assert armed.document.now == before
    assert np.array_equal(shown(armed), picture)
    assert armed.view.tool.points.arrows == arrows  # to be tried in another way


def test_a_slider_that_is_moved_on_the_way_acts_on_what_is_reached(
    armed: ExplorePanel, direction: str, at_rest: Callable[[], None], qtbot: QtBot
) -> None:
    pull(qtbot, armed, (0.3, 0.4), (0.6, 0.4))
    some_steps(qtbot, armed)
    armed.tools.direction_changed.emit(direction, 1.0)
    assert not armed.drag.is_running
    assert armed.document.now.point is not None
    assert armed.document.now.direction(direction) == 1.0


@pytest.mark.parametrize("gesture", ["noise", "other noise", "mixing", "directions"])
def test_a_choice_that_is_made_on_the_way_acts_on_what_is_reached(
    armed: ExplorePanel, direction: str, at_rest: Callable[[], None], qtbot: QtBot, gesture: str
) -> None:
    armed.tools.direction_changed.emit(direction, 1.0)
    armed.tools.settled.emit()
    at_rest()
    pull(qtbot, armed, (0.3, 0.4), (0.6, 0.4))
    some_steps(qtbot, armed)
    tools = armed.tools
    doing: dict[str, Callable[[], None]] = {
        "noise": lambda: tools.noise_changed.emit("none"),
        "other noise": tools.noise_dice.emit,
        "mixing": lambda: tools.mix_seed_changed.emit(9),
        "directions": tools.directions_reset.emit,
    }
    doing[gesture]()
    assert not armed.drag.is_running
    assert armed.document.now.point is not None
    armed.history.undo()
    assert armed.document.now.point is not None
    assert armed.document.now.direction(direction) == 1.0


def test_points_are_there_again_when_a_slider_that_went_through_many_values_is_taken_back(
    armed: ExplorePanel, direction: str, qtbot: QtBot
) -> None:
    pull(qtbot, armed, (0.3, 0.4), (0.6, 0.4))
    arrows = armed.view.tool.points.arrows
    for step in range(1, REMEMBERED + 2):
        armed.tools.direction_changed.emit(direction, step / REMEMBERED)
    armed.tools.settled.emit()
    assert armed.view.tool.points.arrows == ()
    armed.history.undo()
    assert armed.view.tool.points.arrows == arrows


def test_an_arrow_that_is_held_when_the_drag_begins_stays_as_it_is(armed: ExplorePanel, qtbot: QtBot) -> None:
    pull(qtbot, armed, (0.3, 0.4), (0.6, 0.4))
    qtbot.mousePress(armed.view, LEFT, pos=spot(armed, 0.3, 0.8))
    arrows = armed.view.tool.points.arrows
    qtbot.keyClick(armed.view, Qt.Key.Key_Return)
    assert armed.drag.is_running
    qtbot.mouseMove(armed.view, spot(armed, 0.6, 0.8))
    assert armed.view.tool.points.arrows == arrows
    qtbot.mouseRelease(armed.view, LEFT, pos=spot(armed, 0.6, 0.8))
    armed.drag.stop()


def test_another_picture_by_undo_drops_the_drag_without_a_trace(
    armed: ExplorePanel, at_rest: Callable[[], None], qtbot: QtBot
) -> None:
    armed.roll()
    at_rest()
    pull(qtbot, armed, (0.3, 0.4), (0.6, 0.4))
    some_steps(qtbot, armed)
    armed.history.undo()
    assert not armed.drag.is_running
    assert armed.document.now.point is None
    at_rest()


def test_what_was_said_of_a_drag_goes_with_its_picture(armed: ExplorePanel, catalogue: Catalogue, qtbot: QtBot) -> None:
    remark = armed.tools.drag.remark
    pull(qtbot, armed, (0.3, 0.4), (0.6, 0.4))
    some_steps(qtbot, armed)
    armed.tools.drag.start.click()
    assert remark.text().startswith("Stopped after")
    armed.roll()
    assert remark.text().startswith("Press on the picture")
    armed.history.undo()
    some_steps(qtbot, armed)
    armed.tools.drag.start.click()
    qtbot.keyClick(armed.view, Qt.Key.Key_Escape)
    assert remark.text().startswith("Stopped after")
    shutil.copytree(catalogue.home / FACES, catalogue.home / "others")
    armed.catalogue_changed()
    assert remark.text().startswith("Stopped after")  # the picture is the same
    armed.choose_model("others")
    assert remark.text() == ""


def test_a_drag_that_fails_says_so_and_leaves_everything_as_it_was(
    armed: ExplorePanel, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*arguments: object) -> None:
        raise BadInput("There is no way.")

    monkeypatch.setattr(dragging, "drag_steps", failing)
    before, picture, notices = armed.document.now, shown(armed), []
    armed.noticed.connect(notices.append)
    pull(qtbot, armed, (0.3, 0.4), (0.6, 0.4))
    armed.tools.drag.start.click()
    qtbot.waitUntil(lambda: not armed.drag.is_running, timeout=WAIT_MS)
    assert notices[-1].what == "There is no way."
    assert armed.view.tool.places is None
    assert armed.document.now == before
    assert np.array_equal(shown(armed), picture)
    assert armed.tools.drag.start.isEnabled()


def test_a_point_that_is_already_there_changes_nothing_and_says_so(armed: ExplorePanel, qtbot: QtBot) -> None:
    before = armed.document.now
    armed.view.tool.points = armed.view.tool.points.with_arrow((0.5, 0.5)).with_end(0, "target", (0.503, 0.5))
    armed.drag.start()
    qtbot.waitUntil(lambda: not armed.drag.is_running, timeout=WAIT_MS)
    assert armed.document.now == before
    assert "where they should be" in armed.tools.drag.remark.text()


def test_what_may_move_is_painted_goes_with_the_request_and_can_be_freed(armed: ExplorePanel, qtbot: QtBot) -> None:
    armed.tools.drag.area.click()
    pull(qtbot, armed, (0.3, 0.5), (0.6, 0.5))
    assert armed.view.tool.points.movable is not None
    assert armed.view.tool.points.arrows == ()
    asked: list[object] = []
    submit = armed.drag._worker.submit
    armed.drag._worker.submit = lambda request, lane=None: asked.append(request) or submit(request, lane)  # type: ignore[method-assign]
    armed.tools.drag.points.click()
    pull(qtbot, armed, (0.4, 0.5), (0.5, 0.5))
    armed.tools.drag.start.click()
    drag = next(request for request in asked if hasattr(request, "movable"))
    assert np.array_equal(drag.movable, armed.view.tool.points.movable)
    armed.drag.stop()
    armed.tools.drag.free.click()
    assert armed.view.tool.points.movable is None


def test_start_without_a_point_is_not_to_be_had(armed: ExplorePanel) -> None:
    assert not armed.tools.drag.start.isEnabled()
    armed.drag.start()
    assert not armed.drag.is_running
    assert "Set a point first" in armed.tools.drag.remark.text()


def test_arrow_keys_move_the_chosen_target(armed: ExplorePanel, qtbot: QtBot) -> None:
    pull(qtbot, armed, (0.3, 0.4), (0.5, 0.4))
    before: Arrow = armed.view.tool.points.arrows[0]
    qtbot.keyClick(armed.view, Qt.Key.Key_Down)
    after: Arrow = armed.view.tool.points.arrows[0]
    assert after.handle == before.handle
    assert after.target == pytest.approx((before.target[0], before.target[1] + 1 / 256))
