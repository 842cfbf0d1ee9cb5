"""`ganvas tour`, where it does not come to its end: the window is closed all the same, and nobody is asked."""

import argparse
from pathlib import Path

import pytest
from PySide6.QtWidgets import QMessageBox
from pytestqt.qtbot import QtBot

from app.cli import tour
from app.cli.hand import GaveUp
from app.cli.options import NOTHING_DONE, Parser, add_common, complete
from app.cli.touring import Guide
from app.window import MainWindow


def arguments(out: Path) -> argparse.Namespace:
    parser = Parser(prog="ganvas tour")
    add_common(parser)
    tour.configure(parser)
    return complete(parser.parse_args(["--out", str(out), "--threads", "1"]))


@pytest.mark.parametrize("reason", [GaveUp("The face did not come."), KeyboardInterrupt()], ids=["gave up", "Ctrl-C"])
def test_a_tour_that_ends_early_closes_its_window_amid_work(
    reason: BaseException, tmp_path: Path, ganvas_home: Path, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    def end(guide: Guide) -> None:
        monkeypatch.setattr(type(guide._window.panel("explore")), "closing", lambda panel: "Something is at work.")
        raise reason

    def asked(box: QMessageBox) -> int:
        raise AssertionError("nobody is there who could answer")

    monkeypatch.setenv("GANVAS_HOME", str(ganvas_home))  # the tour sets another, which is put back after the test
    monkeypatch.setattr(Guide, "explore", end)
    monkeypatch.setattr(QMessageBox, "exec", asked)
    windows: list[MainWindow] = []
    built = Guide.__init__

    def build(guide: Guide, window: MainWindow, *others: object) -> None:
        windows.append(window)
        built(guide, window, *others)  # type: ignore[arg-type]

    monkeypatch.setattr(Guide, "__init__", build)
    if isinstance(reason, GaveUp):
        assert tour.run(arguments(tmp_path)) == NOTHING_DONE
    else:
        with pytest.raises(KeyboardInterrupt):
            tour.run(arguments(tmp_path))
    assert not windows[0].isVisible()
    qtbot.addWidget(windows[0])
