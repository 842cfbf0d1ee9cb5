"""Sliders and fields for numbers, as hands and keys use them."""

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from app.widgets.number_field import NumberField
from app.widgets.slider_row import SliderRow


@pytest.fixture
def row(qtbot: QtBot) -> SliderRow:
    row = SliderRow("smile", "Smile", -3, 3, 0, decimals=1, label_width=100)
    qtbot.addWidget(row)
    row.resize(300, 30)
    row.show()
    return row


@pytest.fixture
def said(row: SliderRow) -> list[float | str]:
    said: list[float | str] = []
    row.changed.connect(said.append)
    row.settled.connect(lambda: said.append("settled"))
    return said


def turn_wheel(widget: QWidget, notches: int, modifiers: Qt.KeyboardModifier) -> None:
    at = QPointF(widget.rect().center())
    event = QWheelEvent(
        at,
        widget.mapToGlobal(at),
        QPoint(),
        QPoint(0, 120 * notches),
        Qt.MouseButton.NoButton,
        modifiers,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(widget, event)


@pytest.mark.parametrize(("label", "below"), [("Smile", False), ("Masculine to feminine", True), ("An open mouth " * 4, True)])
def test_a_label_is_never_cut_the_slider_goes_below_a_long_one(label: str, below: bool, qtbot: QtBot) -> None:
    row = SliderRow("any", label, -3, 3, 0, decimals=1, label_width=100)
    qtbot.addWidget(row)
    row.resize(260, row.heightForWidth(260) if row.hasHeightForWidth() else row.sizeHint().height())
    row.show()
    words = row.label.fontMetrics().boundingRect(row.label.contentsRect(), Qt.TextFlag.TextWordWrap, row.label.text())
    assert row.label.text() == label
    assert row.label.contentsRect().contains(words)
    assert not row.label.geometry().intersects(row.slider.geometry())
    assert (row.slider.y() >= row.label.geometry().bottom()) == below


def test_a_drag_tells_every_movement_and_settles_once(row: SliderRow, said: list[float | str], qtbot: QtBot) -> None:
    slider = row.slider
    qtbot.mousePress(slider, Qt.MouseButton.LeftButton, pos=QPoint(round(slider.at(0)), 10))
    qtbot.mouseMove(slider, QPoint(round(slider.at(10)), 10))
    qtbot.mouseMove(slider, QPoint(round(slider.at(20)), 10))
    assert "settled" not in said
    qtbot.mouseRelease(slider, Qt.MouseButton.LeftButton, pos=QPoint(round(slider.at(20)), 10))
    assert said[-1] == "settled"
    assert said.count("settled") == 1
    assert [value for value in said if value != "settled"] == pytest.approx([1.0, 2.0], abs=0.11)


def test_the_slider_goes_where_it_is_pressed(row: SliderRow, qtbot: QtBot) -> None:
    qtbot.mouseClick(row.slider, Qt.MouseButton.LeftButton, pos=QPoint(round(row.slider.at(-15)), 10))
    assert row.value() == pytest.approx(-1.5, abs=0.06)


def test_a_double_click_resets_it(row: SliderRow, said: list[float | str], qtbot: QtBot) -> None:
    row.set_value(2.5)
    qtbot.mouseDClick(row.slider, Qt.MouseButton.LeftButton, pos=QPoint(40, 10))
    assert row.value() == 0
    row.set_value(-1.0)
    qtbot.mouseDClick(row.label, Qt.MouseButton.LeftButton)
    assert row.value() == 0
    assert said == [0.0, "settled", 0.0, "settled"]


def test_a_number_can_be_typed(row: SliderRow, said: list[float | str], qtbot: QtBot) -> None:
    row.number.setFocus()
    row.number.selectAll()
    qtbot.keyClicks(row.number, "1,7")
    qtbot.keyClick(row.number, Qt.Key.Key_Return)
    assert row.value() == 1.7
    assert row.slider.value() == 17
    assert said == [1.7, "settled"]


@pytest.mark.parametrize(("typed", "value"), [("99", 3.0), ("-99", -3.0), ("much", 0.5), ("", 0.5), ("1e999", 3.0), ("nan", 0.5)])
def test_what_cannot_be_is_brought_into_the_range_or_put_back(row: SliderRow, typed: str, value: float, qtbot: QtBot) -> None:
    row.set_value(0.5)
    row.number.setFocus()
    row.number.selectAll()
    qtbot.keyClick(row.number, Qt.Key.Key_Delete)
    qtbot.keyClicks(row.number, typed)
    qtbot.keyClick(row.number, Qt.Key.Key_Return)
    assert row.value() == value


def test_arrow_keys_move_it_in_steps(row: SliderRow, said: list[float | str], qtbot: QtBot) -> None:
    row.slider.setFocus()
    qtbot.keyClick(row.slider, Qt.Key.Key_Right)
    assert said == [pytest.approx(row.slider.singleStep() / 10), "settled"]
    qtbot.keyClick(row.number, Qt.Key.Key_Down)
    assert row.value() == pytest.approx(0)


def test_the_wheel_moves_it_with_ctrl_alone(row: SliderRow) -> None:
    turn_wheel(row.slider, 1, Qt.KeyboardModifier.NoModifier)
    assert row.value() == 0
    turn_wheel(row.slider, 1, Qt.KeyboardModifier.ControlModifier)
    assert row.value() > 0
    turn_wheel(row.slider, -1, Qt.KeyboardModifier.ControlModifier)
    assert row.value() == 0


def test_setting_a_value_says_nothing(row: SliderRow, said: list[float | str]) -> None:
    row.set_value(1.5)
    assert said == []
    assert (row.slider.value(), row.number.text()) == (15, "1.5")


def test_it_has_a_name_for_those_who_do_not_see_it(row: SliderRow) -> None:
    assert row.slider.accessibleName() == "Smile"
    assert row.slider.objectName() == "smile"
    assert row.number.accessibleName() == "Smile"


def test_a_field_shows_its_prefix_only_while_nobody_types(qtbot: QtBot) -> None:
    box = QWidget()
    qtbot.addWidget(box)
    field = NumberField("seed", "Seed", 0, 2**32 - 1, parent=box)
    field.set_value(4_000_000_000)
    field.set_prefix("near ")
    box.show()
    assert field.text() == "near 4000000000"
    field.setFocus()
    qtbot.waitUntil(field.hasFocus)
    assert field.text() == "4000000000"
    qtbot.keyClick(field, Qt.Key.Key_Up)
    assert field.value() == 4_000_000_001


def test_a_value_from_a_file_is_shown_though_it_lies_beyond_the_ends(
    row: SliderRow, said: list[float | str], qtbot: QtBot
) -> None:
    row.show_value(-4.5)
    assert row.value() == -4.5
    assert row.slider.value() == row.slider.minimum() == -45
    assert said == []
    qtbot.mousePress(row.slider, Qt.MouseButton.LeftButton, pos=QPoint(round(row.slider.at(0)), 10))
    assert row.slider.minimum() == -45  # the knob does not run from the hand
    qtbot.mouseRelease(row.slider, Qt.MouseButton.LeftButton)
    assert said[-1] == "settled"
    assert row.slider.minimum() == -30  # nor can a hand go there again
    row.show_value(5)
    row.reset()
    assert (row.slider.maximum(), row.value()) == (30, 0)


def test_the_title_and_remark_of_a_strangers_slider_are_shown_as_they_are(qtbot: QtBot) -> None:
    row = SliderRow("any", "<i>Turn</i>", -3, 3, 0, remark="See <img src='file:///etc/hosts'> & more.")
    qtbot.addWidget(row)
    assert row.label.textFormat() == Qt.TextFormat.PlainText
    assert row.toolTip() == row.slider.toolTip() == "See &lt;img src=&#x27;file:///etc/hosts&#x27;&gt; &amp; more."
    plain = SliderRow("other", "Turn", -3, 3, 0, remark="Less & more.")
    qtbot.addWidget(plain)
    assert plain.toolTip() == "Less & more."
