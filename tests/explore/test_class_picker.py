"""A class is picked by its name where names are known, by its number otherwise."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.explore.class_picker import ClassPicker


@pytest.fixture
def picker(qtbot: QtBot) -> ClassPicker:
    picker = ClassPicker()
    qtbot.addWidget(picker)
    return picker


def test_a_model_without_classes_has_no_picker(picker: ClassPicker) -> None:
    picker.set_classes(0, ())
    assert picker.isHidden()


def test_classes_without_names_are_numbers_and_the_range_is_told(picker: ClassPicker) -> None:
    picker.set_classes(1000, ())
    assert not picker.isHidden()
    assert (picker.number.isHidden(), picker.names.isHidden(), picker.range.text()) == (False, True, "0 to 999")


def test_a_name_is_found_by_typing_it_and_sent_once(picker: ClassPicker, qtbot: QtBot) -> None:
    picker.set_classes(3, ("bird", "cat", "deer"))
    picker.show()
    sent: list[int] = []
    picker.changed.connect(sent.append)
    picker.names.lineEdit().clear()
    picker.names.lineEdit().setText("DEER")  # typed letter by letter, it opens a list that an offscreen platform warns of
    qtbot.keyClick(picker.names.lineEdit(), Qt.Key.Key_Return)
    assert (sent, picker.value(), picker.names.currentText()) == ([2], 2, "deer")


def test_what_is_no_name_is_put_back(picker: ClassPicker, qtbot: QtBot) -> None:
    picker.set_classes(3, ("bird", "cat", "deer"))
    picker.set_value(1)
    picker.show()
    sent: list[int] = []
    picker.changed.connect(sent.append)
    picker.names.lineEdit().clear()
    picker.names.lineEdit().setText("zebu")
    qtbot.keyClick(picker.names.lineEdit(), Qt.Key.Key_Return)
    assert (sent, picker.value(), picker.names.currentText()) == ([], 1, "cat")


def test_another_model_brings_the_class_into_its_range_without_a_signal(picker: ClassPicker) -> None:
    picker.set_classes(10, ())
    picker.set_value(7)
    sent: list[int] = []
    picker.changed.connect(sent.append)
    picker.set_classes(3, ("bird", "cat", "deer"))
    assert (picker.value(), sent) == (2, [])
