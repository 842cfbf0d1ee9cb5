"""Thumbnails, the model picker, messages, folding sections, cut labels."""

import pytest
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QLabel, QToolButton
from pytestqt.qtbot import QtBot

from app.widgets.elided import Elided
from app.widgets.message_bar import MessageBar
from app.widgets.model_picker import Choice, ModelPicker
from app.widgets.panel import Notice
from app.widgets.section import Section
from app.widgets.status_line import StatusLine
from app.widgets.thumbnail_strip import ThumbnailStrip


def image(colour: str) -> QImage:
    made = QImage(32, 32, QImage.Format.Format_RGB32)
    made.fill(colour)
    return made


@pytest.fixture
def grid(qtbot: QtBot) -> ThumbnailStrip:
    grid = ThumbnailStrip("sheet", "Sheet", columns=2)
    qtbot.addWidget(grid)
    grid.resize(200, 400)
    grid.set_places([(str(number), f"seed {number}") for number in range(20)])
    grid.show()
    return grid


def rect_of(grid: ThumbnailStrip, key: str) -> QRect:
    """Where a thumbnail lies, in coordinates of the viewport."""
    return grid.visualRect(grid.thumbs.index(grid.thumbs.keys.index(key)))


def test_a_grid_has_as_many_columns_as_it_was_told(grid: ThumbnailStrip) -> None:
    for width in range(140, 340, 3):
        for columns in (1, 2, 3):
            grid.set_columns(columns)
            grid.resize(width, 400)
            first_row = [key for key in grid.thumbs.keys if rect_of(grid, key).top() == rect_of(grid, "0").top()]
            assert len(first_row) == columns, (width, columns)


def test_a_click_chooses_a_thumbnail(grid: ThumbnailStrip, qtbot: QtBot) -> None:
    with qtbot.waitSignal(grid.chosen) as got:
        qtbot.mouseClick(grid.viewport(), Qt.MouseButton.LeftButton, pos=rect_of(grid, "3").center())
    assert got.args == ["3"]


def test_keys_choose_and_remove(grid: ThumbnailStrip, qtbot: QtBot) -> None:
    grid.select("4")
    with qtbot.waitSignal(grid.chosen) as got:
        qtbot.keyClick(grid, Qt.Key.Key_Return)
    assert got.args == ["4"]
    with qtbot.assertNotEmitted(grid.removed):
        qtbot.keyClick(grid, Qt.Key.Key_Delete)
    grid.removing = "Take it away"
    with qtbot.waitSignal(grid.removed) as got:
        qtbot.keyClick(grid, Qt.Key.Key_Delete)
    assert got.args == ["4"]


def test_a_picture_that_comes_late_finds_its_place(grid: ThumbnailStrip) -> None:
    before = grid.grab().toImage()
    grid.set_image("2", image("red"))
    middle = grid.viewport().mapTo(grid, rect_of(grid, "2").center())
    assert grid.grab().toImage().pixelColor(middle).red() > 200
    assert before.pixelColor(middle).red() < 255
    grid.set_image("no longer there", image("blue"))


def test_other_captions_of_the_same_places_are_shown(grid: ThumbnailStrip) -> None:
    keys = list(grid.thumbs.keys)
    grid.set_places([(key, f"now {key}") for key in keys])
    assert grid.thumbs.data(grid.thumbs.index(0), Qt.ItemDataRole.ToolTipRole) == f"now {keys[0]}"


def test_pictures_of_places_that_stay_are_kept(grid: ThumbnailStrip) -> None:
    grid.set_image("2", image("red"))
    grid.set_places([("2", "seed 2"), ("50", "seed 50")])
    assert list(grid.thumbs.images) == ["2"]


CHOICES = (
    Choice("photo", "Photo x4", "BSD-3-Clause", group="Enlarge"),
    Choice("restore", "Restore", "MIT", group="Restore"),
    Choice("faces", "Faces", "Apache-2.0", non_commercial=True, group="Restore"),
)


@pytest.fixture
def picker(qtbot: QtBot) -> ModelPicker:
    picker = ModelPicker()
    qtbot.addWidget(picker)
    picker.set_choices(CHOICES)
    return picker


def test_choosing_a_model_by_hand_tells_its_name(picker: ModelPicker, qtbot: QtBot) -> None:
    row = next(row for row in range(picker.count()) if picker.itemText(row) == "Restore" and picker.itemData(row, 257))
    with qtbot.waitSignal(picker.chosen) as got:
        picker.setCurrentIndex(row)
        picker.activated.emit(row)
    assert got.args == ["restore"]
    assert picker.name() == "restore"
    assert picker.toolTip().startswith("Restore")


def test_choosing_a_model_by_name_is_silent(picker: ModelPicker, qtbot: QtBot) -> None:
    with qtbot.assertNotEmitted(picker.chosen):
        assert picker.choose("faces")
        assert not picker.choose("gone")
    assert picker.name() == ""


def test_the_last_lines_act_and_leave_the_choice_alone(picker: ModelPicker, qtbot: QtBot) -> None:
    picker.choose("photo")
    with qtbot.waitSignals([picker.add_file, picker.get_more], order="strict"):
        for row in (picker.count() - 2, picker.count() - 1):
            picker.setCurrentIndex(row)
            picker.activated.emit(row)
    assert picker.name() == "photo"


def test_a_model_that_is_still_there_stays_chosen(picker: ModelPicker) -> None:
    picker.choose("faces")
    picker.set_choices(CHOICES[1:])
    assert picker.name() == "faces"
    picker.set_choices(CHOICES[:1])
    assert picker.name() == ""


def test_the_licence_mark_is_said_in_words_too(picker: ModelPicker) -> None:
    said = [picker.itemData(row, Qt.ItemDataRole.AccessibleTextRole) for row in range(picker.count())]
    assert "Faces, Apache-2.0, non-commercial" in said


def test_headings_cannot_be_chosen(picker: ModelPicker) -> None:
    heads = [
        row for row in range(picker.count()) if picker.itemText(row) in ("Enlarge", "Restore") and not picker.itemData(row, 257)
    ]
    assert len(heads) == 2
    assert all(picker.model().flags(picker.model().index(row, 0)) == Qt.ItemFlag.NoItemFlags for row in heads)


def test_a_message_says_what_why_and_what_to_do(qtbot: QtBot) -> None:
    bar = MessageBar()
    qtbot.addWidget(bar)
    done: list[str] = []
    bar.show_notice(Notice("It failed.", "The disk is full.", "Make room.", "Try again", lambda: done.append("again"), bad=True))
    assert bar.isVisible()
    assert bar.findChild(QLabel, "notice:text").text() == "It failed. The disk is full. Make room."
    bar.findChild(type(bar._button), "notice:button").click()
    assert done == ["again"]
    assert not bar.isVisible()


def test_a_message_may_be_closed_unheard(qtbot: QtBot) -> None:
    bar = MessageBar()
    qtbot.addWidget(bar)
    bar.show_notice(Notice("News."))
    assert not bar._button.isVisible()
    bar.clear()
    assert not bar.isVisible()
    assert bar.notice is None


def test_messages_that_come_at_once_are_all_to_be_read_and_a_later_one_takes_the_place_of_what_was_seen(qtbot: QtBot) -> None:
    bar = MessageBar()
    qtbot.addWidget(bar)

    def shown() -> str:
        return bar.findChild(QLabel, "notice:text").text() if bar.isVisible() else ""

    bar.show_notice(Notice("Your drawing is here again."))
    for _ in range(2):
        bar.show_notice(Notice("Its model is not here.", button="Get it", action=lambda: bar.show_notice(Notice("Got it."))))
    bar._button.click()  # what an action says comes first
    seen = [shown()]
    bar.clear()
    seen.append(shown())
    qtbot.wait(10)
    bar.show_notice(Notice("Something else."))
    seen.append(shown())
    bar.clear()
    assert [*seen, shown()] == ["Got it.", "Your drawing is here again.", "Something else.", ""]
    bar.show_notice(Notice("One."))
    bar.show_notice(Notice("Two."))
    bar.show_notice(None)
    assert not bar.isVisible()


def test_a_message_that_lasts_stays_beneath_what_comes_later(qtbot: QtBot) -> None:
    bar = MessageBar()
    qtbot.addWidget(bar)
    for text in ("Your model is gone.", "A job was interrupted.", "Your model is gone.", "One photo is done.", "Two are done."):
        bar.show_notice(Notice(text, lasts="photo" not in text and "Two" not in text))
        qtbot.wait(10)
    seen = []
    while bar.notice is not None:
        seen.append(bar.notice.what)
        bar.clear()
    assert seen == ["Two are done.", "Your model is gone.", "A job was interrupted."]
    bar.show_notice(Notice("Your model is gone.", lasts=True))
    qtbot.wait(10)
    bar.show_notice(Notice("It cannot be written."))
    bar.show_notice(None)  # of what is at hand: the other was not read yet
    assert bar.isVisible()
    assert bar.findChild(QLabel, "notice:text").text() == "Your model is gone."
    bar.show_notice(None)
    assert not bar.isVisible()


def test_a_section_folds_its_content_away(qtbot: QtBot) -> None:
    section = Section("x", "Title")
    qtbot.addWidget(section)
    inside = QLabel("inside")
    section.body.addWidget(inside)
    section.show()
    assert inside.isVisible()
    qtbot.mouseClick(section.findChild(QToolButton), Qt.MouseButton.LeftButton, pos=QPoint(10, 10))
    assert not inside.isVisible()
    assert not section.is_open()


def test_the_newest_job_is_shown_and_an_older_one_after_it(qtbot: QtBot) -> None:
    line = StatusLine()
    qtbot.addWidget(line)
    line.show_job("upscale", 3, 10, "Upscale 3/10")
    line.show_job("models", 1, 2, "Fetching")
    assert line.job.text() == "Fetching"
    line.show_job("models", 0, 0, "")
    assert line.job.text() == "Upscale 3/10"
    line.show_job("upscale", 0, 0, "")
    assert line.job.text() == ""


def test_a_cut_label_says_what_it_has_room_for_and_that_there_is_more(qtbot: QtBot) -> None:
    text = "12 photos · 3 done · about 4 minutes left"
    cut, whole, plain = Elided(), Elided(), QLabel()
    for label in (cut, whole, plain):
        qtbot.addWidget(label)
        label.setText(text)
    assert cut.minimumSizeHint().width() == 0
    cut.resize(90, 20)
    seen = cut.grab().toImage()
    assert cut.text() == text
    whole.setText(cut.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, 90))
    assert whole.text().endswith("…")
    whole.resize(90, 20)
    assert whole.grab().toImage() == seen
    cut.resize(600, 20)
    plain.resize(600, 20)
    assert cut.grab().toImage() == plain.grab().toImage()
