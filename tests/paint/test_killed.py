"""A painter whose machine kills Ganvas in the middle finds the drawing at the next start."""

import os
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from app.paint.state.project import read_project
from models.catalogue import Catalogue
from tests.paint.conftest import MakePanel

CHILD = textwrap.dedent(
    """
    import sys
    from pathlib import Path
    from PySide6.QtWidgets import QApplication
    from app.inference.worker import InferenceWorker
    from app.paint import autosave
    from app.paint.canvas import Canvas
    from app.paint.panel import PaintPanel
    from app.settings import Settings
    from models.catalogue import Catalogue
    from tests.paint.conftest import ColourEngine
    from tests.paint.hands import draw

    autosave.EVERY_MS = 20
    app = QApplication([])
    catalogue = Catalogue(Path(sys.argv[1]))
    catalogue.embedded = Path("/nothing")
    panel = PaintPanel(InferenceWorker(ColourEngine()), catalogue, Settings())
    panel.show()
    panel.restore({})
    panel.desk.choose_label(8)
    draw(panel.findChild(Canvas, "canvas"), [(100, 100), (900, 120)])
    file = panel._autosave._recovery.file
    while not file.exists():
        app.processEvents()
    print("written", flush=True)
    while True:
        draw(panel.findChild(Canvas, "canvas"), [(100, 300), (900, 320)])
        panel.undo()
        app.processEvents()
    """
)


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is POSIX'")
def test_after_a_kill_the_next_start_shows_what_was_painted(catalogue: Catalogue, make_panel: MakePanel, qtbot: QtBot) -> None:
    command = [sys.executable, "-c", CHILD, str(catalogue.home)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "written\n"
        child.send_signal(signal.SIGKILL)
    panel = make_panel(wake=False)
    assert np.array_equal(panel.document.map, read_project(panel._autosave._recovery.file).label_map())
    assert panel.document.map[110, 500] == 8
    heard = []
    panel.noticed.connect(heard.append)
    panel.restore({})
    assert heard[-1].what == "Your drawing is here again."
