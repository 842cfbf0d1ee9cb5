"""Where a file is saved: the name that will be written is the name that is asked about."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QFileDialog, QMessageBox, QWidget
from pytestqt.qtbot import QtBot

from app.settings import Settings
from app.widgets.save_dialog import PICTURES, Kind, ask_where, with_ending

MORPHS = Kind("Animated WebP", (".webp",)), Kind("GIF", (".gif",)), Kind("A folder of PNGs")

Typed = Callable[..., list[str]]
Asked = Callable[[str], list[str]]


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Typed:
    """The system's dialog is answered with (name, filter), one after the other; the list is of what it began with each time."""

    def answer(*answers: tuple[str, str]) -> list[str]:
        starts: list[str] = []

        def dialog(parent: object, title: str, start: str, filters: str, first: str) -> tuple[str, str]:
            assert first in filters.split(";;")
            starts.append(start)
            assert "(*" in filters
            return answers[len(starts) - 1]

        monkeypatch.setattr(QFileDialog, "getSaveFileName", dialog)
        return starts

    return answer


@pytest.fixture
def asked(qtbot: QtBot) -> Iterator[Asked]:
    """Presses a button of each question that comes; the list is of what they said."""

    def press(button: str) -> list[str]:
        heard: list[str] = []

        def look() -> None:
            box = QApplication.activeModalWidget()
            if isinstance(box, QMessageBox):
                heard.append(f"{box.text()} {box.informativeText()}")
                next(b for b in box.buttons() if b.text().replace("&", "") == button).click()

        clock = QTimer(QApplication.instance())
        clock.timeout.connect(look)
        clock.start(10)
        clocks.append(clock)
        return heard

    clocks: list[QTimer] = []
    yield press
    for clock in clocks:
        clock.stop()
        clock.deleteLater()


@pytest.fixture
def parent(qtbot: QtBot) -> QWidget:
    widget = QWidget()
    qtbot.addWidget(widget)
    return widget


@pytest.mark.parametrize(
    ("name", "chosen", "kinds", "expected"),
    [
        ("lake", "", PICTURES, "lake.png"),
        ("lake", "JPEG (*.jpg *.jpeg)", PICTURES, "lake.jpg"),
        ("lake.jpeg", "PNG (*.png)", PICTURES, "lake.jpeg"),
        ("lake.TIF", "PNG (*.png)", PICTURES, "lake.TIF"),
        ("Lake 2.5", "WebP (*.webp)", PICTURES, "Lake 2.5.webp"),
        ("walk.webp", "A folder of PNGs (*)", MORPHS, "walk"),
        ("walk", "A folder of PNGs (*)", MORPHS, "walk"),
        ("walk.gif", "Animated WebP (*.webp)", MORPHS, "walk.gif"),
    ],
)
def test_a_name_gets_the_ending_of_the_kind_that_was_chosen_unless_it_has_one(
    name: str, chosen: str, kinds: tuple[Kind, ...], expected: str
) -> None:
    assert with_ending(Path("x") / name, kinds, chosen) == Path("x") / expected


def test_another_kind_that_was_chosen_changes_the_ending_that_was_offered(parent: QWidget, typed: Typed, tmp_path: Path) -> None:
    for name, chosen, expected in (
        ("walk.webp", "GIF (*.gif)", "walk.gif"),
        ("walk.webp", "A folder of PNGs (*)", "walk"),
        ("walk.webp", "Animated WebP (*.webp)", "walk.webp"),
        ("walk.gif", "Animated WebP (*.webp)", "walk.gif"),  # typed by hand
    ):
        typed((str(tmp_path / name), chosen))
        assert ask_where(parent, Settings(), "x.folder", "walk.webp", "Save the morph", MORPHS) == tmp_path / expected


def test_a_name_whose_ending_is_added_is_asked_about_as_it_will_be_written(
    parent: QWidget, typed: Typed, asked: Asked, tmp_path: Path
) -> None:
    (tmp_path / "lake.png").touch()
    starts = typed((str(tmp_path / "lake"), "PNG (*.png)"), (str(tmp_path / "sea"), "PNG (*.png)"))
    heard, settings = asked("Cancel"), Settings()
    assert ask_where(parent, settings, "x.folder", "first.png", folder=str(tmp_path)) == tmp_path / "sea.png"
    assert heard == ["lake.png is there already. Replace it?"]
    assert starts == [str(tmp_path / "first.png"), str(tmp_path / "lake.png")]  # back in the dialog, with that name
    assert settings.get("x.folder", "") == str(tmp_path)


def test_it_is_replaced_when_that_is_said(parent: QWidget, typed: Typed, asked: Asked, tmp_path: Path) -> None:
    (tmp_path / "lake.jpg").touch()
    typed((str(tmp_path / "lake"), "JPEG (*.jpg *.jpeg)"))
    heard = asked("Replace")
    assert ask_where(parent, Settings(), "x.folder", "lake.png") == tmp_path / "lake.jpg"
    assert len(heard) == 1


def test_a_name_that_the_dialog_asked_about_is_not_asked_about_twice(
    parent: QWidget, typed: Typed, asked: Asked, tmp_path: Path
) -> None:
    (tmp_path / "lake.png").touch()
    typed((str(tmp_path / "lake.png"), "PNG (*.png)"))
    heard = asked("Cancel")
    assert ask_where(parent, Settings(), "x.folder", "lake.png") == tmp_path / "lake.png"
    assert heard == []


def test_a_folder_is_never_replaced(parent: QWidget, typed: Typed, asked: Asked, tmp_path: Path) -> None:
    (tmp_path / "walk").mkdir()
    folder = "A folder of PNGs (*)"
    typed((str(tmp_path / "walk.webp"), folder), (str(tmp_path / "walk 2"), folder))
    heard = asked("OK")
    assert ask_where(parent, Settings(), "x.folder", "walk.webp", "Save the morph", MORPHS) == tmp_path / "walk 2"
    assert heard == ["walk is there already. Choose another name: a folder is never replaced."]


def test_nothing_is_remembered_of_a_dialog_that_was_left(parent: QWidget, typed: Typed) -> None:
    typed(("", ""))
    settings = Settings()
    assert ask_where(parent, settings, "x.folder", "lake.png") is None
    assert settings.get("x.folder", "") == ""
