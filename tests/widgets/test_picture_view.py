"""The picture: what is where, whole pixels, and only what has changed is painted."""

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, QRect, Qt
from PySide6.QtGui import QColor, QImage
from pytestqt.qtbot import QtBot

from app.widgets.picture_view import PictureView, image_of, picture_of


@pytest.fixture
def view(qtbot: QtBot) -> PictureView:
    view = PictureView()
    qtbot.addWidget(view)
    view.resize(400, 300)
    view.show()
    return view


def gradient(height: int, width: int) -> np.ndarray:
    rows, columns = np.mgrid[0:height, 0:width]
    return np.stack([rows % 256, columns % 256, (rows + columns) % 256], -1).astype(np.uint8)


@pytest.mark.parametrize("width", [1, 7, 64])
def test_a_picture_becomes_an_image_and_comes_back_unchanged(width: int) -> None:
    picture = gradient(5, width)
    assert np.array_equal(picture_of(image_of(picture)), picture)


def test_an_image_does_not_change_when_its_picture_is_written_to() -> None:
    picture = gradient(4, 4)
    image = image_of(picture)
    picture[:] = 0
    assert picture_of(image).any()


def test_a_picture_of_the_wrong_shape_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\[H, W, 3\]"):
        image_of(np.zeros((4, 4, 4), np.uint8))


def test_the_whole_picture_is_in_view_and_in_the_middle(view: PictureView) -> None:
    view.show_image(image_of(gradient(100, 200)))
    place = view.picture_rect()
    assert view.rect().contains(place.toAlignedRect())
    assert place.center().x() == pytest.approx(200, abs=1)
    assert place.center().y() == pytest.approx(150, abs=1)
    assert place.width() == pytest.approx(2 * place.height(), abs=0.1)


def test_zooming_keeps_the_point_under_the_pointer(view: PictureView) -> None:
    view.show_image(image_of(gradient(100, 100)))
    at = QPointF(180, 140)
    before = view.to_picture(at)
    view.set_scale(5.0, at)
    after = view.to_picture(at)
    assert (after - before).manhattanLength() < 1e-6
    back = view.to_view(after)
    assert (back - at).manhattanLength() < 1e-6


def test_at_scale_one_a_pixel_is_a_pixel(view: PictureView) -> None:
    picture = gradient(100, 100)
    view.show_image(image_of(picture))
    view.set_scale(1.0)
    grabbed = view.grab().toImage()
    place = view.picture_rect().topLeft().toPoint()
    ratio = grabbed.devicePixelRatio()
    for x, y in ((0, 0), (50, 20), (99, 99)):
        seen = grabbed.pixelColor(round((place.x()) * ratio) + x, round((place.y()) * ratio) + y)
        assert (seen.red(), seen.green(), seen.blue()) == tuple(picture[y, x])


def test_a_larger_picture_takes_the_place_of_its_preview(view: PictureView) -> None:
    view.show_image(image_of(gradient(64, 64)))
    view.set_scale(4.0, QPointF(100, 100))
    before, corner = view.picture_rect(), view.to_picture(QPointF(0, 0))
    view.show_image(image_of(gradient(256, 256)))
    after = view.picture_rect()
    assert (after.topLeft() - before.topLeft()).manhattanLength() <= 2
    assert after.width() == pytest.approx(before.width())
    assert (view.to_picture(QPointF(0, 0)) - corner * 4).manhattanLength() < 1


def test_dragging_moves_the_picture_with_the_hand(view: PictureView, qtbot: QtBot) -> None:
    view.show_image(image_of(gradient(400, 400)))
    view.set_scale(2.0)
    held = view.to_picture(QPointF(150, 150))
    qtbot.mousePress(view, Qt.MouseButton.LeftButton, pos=QPoint(150, 150))
    qtbot.mouseMove(view, QPoint(190, 130))
    qtbot.mouseRelease(view, Qt.MouseButton.LeftButton, pos=QPoint(190, 130))
    assert (view.to_picture(QPointF(190, 130)) - held).manhattanLength() < 0.5


def test_the_picture_cannot_be_dragged_out_of_sight(view: PictureView, qtbot: QtBot) -> None:
    view.show_image(image_of(gradient(50, 50)))
    qtbot.mousePress(view, Qt.MouseButton.LeftButton, pos=QPoint(200, 150))
    for _ in range(5):
        qtbot.mouseMove(view, QPoint(390, 290))
        qtbot.mouseMove(view, QPoint(10, 10))
    qtbot.mouseMove(view, QPoint(-5000, -5000))
    qtbot.mouseRelease(view, Qt.MouseButton.LeftButton, pos=QPoint(0, 0))
    assert view.picture_rect().intersects(view.rect().toRectF())


def test_a_tool_keeps_the_left_button_and_space_lends_it(view: PictureView, qtbot: QtBot) -> None:
    view.left_pans = False
    view.show_image(image_of(gradient(400, 400)))
    view.set_scale(2.0)
    before = view.centre
    qtbot.mousePress(view, Qt.MouseButton.LeftButton, pos=QPoint(150, 150))
    qtbot.mouseMove(view, QPoint(190, 130))
    qtbot.mouseRelease(view, Qt.MouseButton.LeftButton, pos=QPoint(190, 130))
    assert view.centre == before
    qtbot.keyPress(view, Qt.Key.Key_Space)
    assert view.is_panning()
    qtbot.mousePress(view, Qt.MouseButton.LeftButton, pos=QPoint(150, 150))
    qtbot.mouseMove(view, QPoint(190, 130))
    qtbot.mouseRelease(view, Qt.MouseButton.LeftButton, pos=QPoint(190, 130))
    qtbot.keyRelease(view, Qt.Key.Key_Space)
    assert view.centre != before
    assert not view.is_panning()


def test_a_part_painted_by_itself_looks_as_it_does_in_the_whole(view: PictureView) -> None:
    view.show_image(image_of(gradient(100, 100)))
    whole = view.grab().toImage()
    part = view.grab(QRect(120, 90, 60, 50)).toImage()
    assert part == whole.copy(120, 90, 60, 50)


def test_without_a_picture_it_says_what_will_come(view: PictureView) -> None:
    view.placeholder = "The first picture is being made"
    shown = view.grab().toImage()
    view.placeholder = ""
    assert shown != view.grab().toImage()
    assert not view.has_picture()


def test_overlays_are_painted_over_the_picture(view: PictureView) -> None:
    view.show_image(image_of(gradient(100, 100)))
    view.overlays.append(lambda painter, _: painter.fillRect(0, 0, 10, 10, QColor("#ff0000")))
    assert view.grab().toImage().pixelColor(5, 5) == QColor("#ff0000")
    view.show_image(QImage())
    assert view.grab().toImage().pixelColor(5, 5) == QColor("#ff0000")
