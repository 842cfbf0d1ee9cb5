"""A worker for a test, and a panel that works with it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

from pytestqt.qtbot import QtBot

from app.inference.scheduler import Runs
from app.inference.worker import InferenceWorker
from app.widgets.panel import Panel

P = TypeVar("P", bound=Panel)


@contextmanager
def at_work(engine: Runs) -> Iterator[InferenceWorker]:
    """A worker until the test is over."""
    worker = InferenceWorker(engine)
    yield worker
    worker.close()
    worker.deleteLater()


def awake(panel: P, qtbot: QtBot) -> P:
    """The panel shown, as on a first visit; the test's end shuts it."""
    qtbot.addWidget(panel, before_close_func=type(panel).shut)
    panel.resize(1200, 700)
    panel.show()
    panel.restore({})
    return panel
