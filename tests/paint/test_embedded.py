"""The panel with the real engine and the model that comes along."""

import numpy as np
from pytestqt.qtbot import QtBot

from app.inference.engine import Engine
from app.inference.worker import InferenceWorker
from app.paint.canvas import Canvas
from app.paint.panel import PaintPanel
from app.settings import Settings
from models.catalogue import Catalogue
from tests.paint.hands import draw

WAIT_MS = 60_000


def test_a_stroke_changes_the_landscape_where_it_went_and_a_look_changes_all_of_it(qtbot: QtBot) -> None:
    catalogue = Catalogue()
    assert catalogue.find("landscapes") is not None
    worker = InferenceWorker(Engine(catalogue, device="cpu", threads=1))
    panel = PaintPanel(worker, catalogue, Settings())
    qtbot.addWidget(panel)
    assert panel.picker is not None
    qtbot.addWidget(panel.picker)
    panel.resize(1000, 640)
    panel.show()
    panel.restore({})
    pictures = []
    try:
        for step in ("first", "stroke", "look"):
            if step == "stroke":
                palette = panel.document.drawing.palette
                snow = palette.named("snow")
                assert snow is not None
                panel.desk.choose_label(snow.id)
                panel.tools.resize(150)
                canvas = panel.findChild(Canvas, "canvas")
                assert isinstance(canvas, Canvas)
                draw(canvas, [(100, 680), (400, 690)])
            elif step == "look":
                panel.roll()
            qtbot.waitUntil(lambda: panel.live.up_to_date and panel.picture is not None, timeout=WAIT_MS)
            assert panel.picture is not None
            pictures.append(panel.picture.astype(np.int32))
    finally:
        panel.shut()
        worker.close()
    first, stroke, look = pictures
    change = np.abs(first - stroke).mean(axis=2)
    assert change[620:740, 100:400].mean() > 5 * change[:200, 600:].mean() + 2
    assert np.abs(stroke - look).mean() > 2
