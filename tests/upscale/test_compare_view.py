"""Before and after are compared by a divider, side by side, by flickering and through a loupe; all show the same place."""

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QImage
from pytestqt.qtbot import QtBot

from app.widgets.compare_view import CompareView, Mode
from app.widgets.patches import composed
from app.widgets.picture_view import image_of, picture_of

RED, BLUE = (220, 30, 30), (30, 30, 220)


def flat(colour: tuple[int, int, int], height: int = 60, width: int = 90) -> QImage:
    return image_of(np.full((height, width, 3), colour, np.uint8))


@pytest.fixture
def view(qtbot: QtBot) -> CompareView:
    view = CompareView()
    qtbot.addWidget(view)
    view.resize(400, 300)
    view.show()
    view.show_before(flat(RED), 2.0)
    view.add_patch(QRectF(0, 0, 90, 60), flat(BLUE, 120, 180))
    return view


def seen(view: CompareView, x: float, y: float) -> str:
    colour = QColor(view.grab().toImage().pixel(round(x * view.devicePixelRatio()), round(y * view.devicePixelRatio())))
    tilt = colour.red() - colour.blue()
    return "red" if tilt > 100 else "blue" if tilt < -100 else "other"


def test_the_divider_parts_before_from_after_and_follows_the_hand(view: CompareView, qtbot: QtBot) -> None:
    assert (seen(view, 120, 150), seen(view, 280, 150)) == ("red", "blue")
    qtbot.mousePress(view, Qt.MouseButton.LeftButton, pos=QPoint(200, 100))
    qtbot.mouseMove(view, QPoint(300, 100))
    qtbot.mouseRelease(view, Qt.MouseButton.LeftButton, pos=QPoint(300, 100))
    assert view.divider == pytest.approx(0.75)
    assert seen(view, 280, 100) == "red"
    assert view.fits


def test_side_by_side_both_halves_show_the_same_place(view: CompareView) -> None:
    view.set_mode("side")
    assert (seen(view, 100, 150), seen(view, 300, 150)) == ("red", "blue")
    whole = view.seen()
    assert whole == QRect(0, 0, 90, 60)
    view.set_scale(20.0, QPointF(200, 150))
    part = view.seen()
    assert part.width() < 20
    assert abs(part.center().x() - 45) <= 1


def test_zooming_side_by_side_keeps_the_point_under_the_pointer(view: CompareView) -> None:
    view.set_mode("side")
    for x in (60.0, 260.0):
        view.fit()
        at = view.in_pane(QPointF(x, 120))
        before = view.to_picture(at)
        view.set_scale(view.scale * 4, at)
        after = view.to_picture(view.in_pane(QPointF(x, 120)))
        assert (after - before).manhattanLength() < 1e-6


def test_flickering_shows_one_after_the_other_and_rests_when_hidden(view: CompareView, qtbot: QtBot) -> None:
    view.set_mode("flicker")
    first = seen(view, 200, 150)
    qtbot.waitUntil(lambda: seen(view, 200, 150) != first, timeout=10_000)
    view.hide()
    assert not view._timer.isActive()


def test_b_held_shows_before(view: CompareView, qtbot: QtBot) -> None:
    view.set_divider(0.0)
    assert seen(view, 200, 150) == "blue"
    qtbot.keyPress(view, Qt.Key.Key_B)
    assert seen(view, 200, 150) == "red"
    qtbot.keyRelease(view, Qt.Key.Key_B)
    assert seen(view, 200, 150) == "blue"


def test_the_loupe_shows_both_halves_of_the_place_under_the_pointer(view: CompareView, qtbot: QtBot) -> None:
    view.set_divider(1.0)
    qtbot.keyClick(view, Qt.Key.Key_L)
    assert view.loupe
    qtbot.mouseMove(view, QPoint(100, 150))
    middle = 100 + 24 + 110
    assert (seen(view, middle - 40, 150), seen(view, middle + 40, 150)) == ("red", "blue")
    qtbot.mouseMove(view, QPoint(380, 20))
    assert (seen(view, 200, 130), seen(view, 250, 130)) == ("red", "blue")


def test_only_what_has_come_is_shown_after(view: CompareView) -> None:
    view.show_before(flat(RED), 2.0)
    view.set_divider(0.0)
    view.add_patch(QRectF(0, 0, 45, 60), flat(BLUE))
    assert (seen(view, 120, 150), seen(view, 280, 150)) == ("blue", "red")
    view.add_patch(QRectF(0, 0, 90, 60), flat(BLUE))
    assert len(view.patches) == 1


def test_shift_and_drag_marks_a_part(view: CompareView, qtbot: QtBot) -> None:
    with qtbot.waitSignal(view.region_chosen) as caught:
        qtbot.mousePress(view, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ShiftModifier, QPoint(150, 120))
        qtbot.mouseMove(view, QPoint(250, 180))
        qtbot.mouseRelease(view, Qt.MouseButton.LeftButton, pos=QPoint(250, 180))
    region = caught.args[0]
    assert QRect(0, 0, 90, 60).contains(region)
    assert 15 < region.width() < 40


def test_percent_counts_pixels_of_the_result(view: CompareView) -> None:
    view.set_percent(100)
    assert view.scale == pytest.approx(2.0)
    image = view.after_image()
    assert image is not None
    assert image.width() == pytest.approx(view.seen().width() * 2, abs=2)
    assert QColor(image.pixel(image.width() // 2, image.height() // 2)).blue() > 150


def test_old_patches_go_before_memory_does(view: CompareView, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.widgets.compare_view.PATCH_BYTES", 100_000)
    for i in range(30):
        view.add_patch(QRectF(i, 0, 1.5, 60), flat(BLUE, 60, 90))
    assert sum(patch.image.sizeInBytes() for patch in view.patches) <= 100_000


def colour_at(image: QImage, x: float, y: float) -> str:
    colour = QColor(image.pixel(round(x * image.width()), round(y * image.height())))
    return "red" if colour.red() > colour.blue() + 100 else "blue" if colour.blue() > colour.red() + 100 else "other"


def test_a_picture_of_both_has_the_pixels_of_the_result_and_the_divider_where_it_stands(view: CompareView) -> None:
    view.set_divider(0.25)
    made = view.comparison()
    assert made is not None
    image = made.picture()
    assert (image.width(), image.height()) == (180, 120)
    at = (view.to_picture(QPointF(0.25 * view.width(), 0)).x()) / 90
    assert colour_at(image, at - 0.03, 0.3) == "red"
    assert colour_at(image, at + 0.05, 0.3) == "blue"
    view.set_mode("side")
    made = view.comparison()
    assert made is not None
    image = made.picture()
    assert image.width() > 360
    assert (colour_at(image, 0.25, 0.3), colour_at(image, 0.75, 0.3)) == ("red", "blue")


@pytest.mark.parametrize(("width", "height"), [(6000, 2), (2, 6000)])
@pytest.mark.parametrize("mode", ["divider", "side", "flicker"])
def test_a_very_thin_photo_is_a_line_of_one_pixel_and_no_less(qtbot: QtBot, width: int, height: int, mode: Mode) -> None:
    view = CompareView()
    qtbot.addWidget(view)
    view.resize(500, 400)
    red = QImage(width, height, QImage.Format.Format_RGB32)
    red.fill(Qt.GlobalColor.red)
    view.show_before(red)
    view.set_mode(mode)
    view.set_divider(1.0)
    seen = picture_of(view.grab().toImage())
    lit = (seen[..., 0] > 200) & (seen[..., 1] < 60)
    assert lit.any(1).sum() > 300 if height > width else lit.any(0).sum() > 400
    assert view.after_image() is None  # nothing is made of it
    thin = composed(red, (), red.rect(), 0.1)
    assert min(thin.width(), thin.height()) == 1


@pytest.mark.parametrize("half", [0, 200])
def test_side_by_side_a_part_is_marked_where_it_is_drawn_and_in_both_halves(view: CompareView, qtbot: QtBot, half: int) -> None:
    view.set_mode("side")
    start, end = QPoint(half + 60, 140), QPoint(half + 100, 160)
    bare = picture_of(view.grab().toImage())
    with qtbot.waitSignal(view.region_chosen) as caught:
        qtbot.mousePress(view, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ShiftModifier, start)
        qtbot.mouseMove(view, end)
        marked = (picture_of(view.grab().toImage()) != bare).any(2)
        qtbot.mouseRelease(view, Qt.MouseButton.LeftButton, pos=end)
    for other in (0, 200):
        rows, columns = np.nonzero(marked[:, other : other + 200])
        assert (columns.min(), columns.max()) == (pytest.approx(60, abs=2), pytest.approx(100, abs=2))
        assert (rows.min(), rows.max()) == (pytest.approx(140, abs=2), pytest.approx(160, abs=2))
    assert caught.args[0].contains(view.to_picture(QPointF(180, 150)).toPoint())


def test_side_by_side_a_part_that_is_drawn_into_the_other_half_ends_at_the_edge_of_its_own(
    view: CompareView, qtbot: QtBot
) -> None:
    view.set_mode("side")
    with qtbot.waitSignal(view.region_chosen) as caught:
        qtbot.mousePress(view, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ShiftModifier, QPoint(150, 140))
        qtbot.mouseMove(view, QPoint(300, 160))
        qtbot.mouseRelease(view, Qt.MouseButton.LeftButton, pos=QPoint(300, 160))
    region = caught.args[0]
    assert region.left() > 45
    assert region.right() == 89


@pytest.mark.parametrize(("mode", "x"), [("divider", 120), ("side", 60), ("side", 260)])
def test_a_double_click_shows_the_pixels_of_the_result_where_it_is_and_then_the_whole(
    view: CompareView, qtbot: QtBot, mode: Mode, x: int
) -> None:
    view.set_mode(mode)
    view.factor = 12.0
    at = QPointF(x, 150)
    before = view.to_picture(view.in_pane(at))
    qtbot.mouseDClick(view, Qt.MouseButton.LeftButton, pos=at.toPoint())
    assert view.percent == pytest.approx(100)
    assert (view.to_picture(view.in_pane(at)) - before).manhattanLength() < 1e-6
    qtbot.mouseDClick(view, Qt.MouseButton.LeftButton, pos=at.toPoint())
    assert view.fits


def test_who_takes_hold_of_the_divider_twice_at_once_moves_it(view: CompareView, qtbot: QtBot) -> None:
    qtbot.mouseDClick(view, Qt.MouseButton.LeftButton, pos=QPoint(200, 100))
    qtbot.mouseMove(view, QPoint(300, 100))
    qtbot.mouseRelease(view, Qt.MouseButton.LeftButton, pos=QPoint(300, 100))
    assert view.fits
    assert view.divider == pytest.approx(0.75)
