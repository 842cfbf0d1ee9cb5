"""The panel with the real engine and the models that come along."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pytestqt.qtbot import QtBot

from app.cli import paint
from app.cli.options import Parser, add_common, complete
from app.inference.engine import Engine
from app.inference.worker import InferenceWorker
from app.paint.canvas import Canvas
from app.paint.panel import PaintPanel
from app.paint.state.look import seed_look
from app.paint.state.recipe import from_recipe
from app.photos import recipe as recipes
from app.settings import Settings
from models.catalogue import Catalogue
from tests.paint.hands import draw
from tests.paint.seen import notices

WAIT_MS = 60_000
MAPS = Path(__file__).parents[2] / "resources" / "samples" / "maps"


@pytest.fixture
def panel(qtbot: QtBot) -> Iterator[PaintPanel]:
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
    yield panel
    panel.shut()
    worker.close()


def test_a_stroke_changes_the_landscape_where_it_went_and_a_look_changes_all_of_it(panel: PaintPanel, qtbot: QtBot) -> None:
    pictures = []
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
    first, stroke, look = pictures
    change = np.abs(first - stroke).mean(axis=2)
    assert change[620:740, 100:400].mean() > 5 * change[:200, 600:].mean() + 2
    assert np.abs(stroke - look).mean() > 2


@pytest.mark.parametrize("width", [512, 1024])
def test_the_command_line_makes_the_picture_that_the_window_saves(
    panel: PaintPanel, qtbot: QtBot, tmp_path: Path, width: int
) -> None:
    drawn, window, command = tmp_path / "map.png", tmp_path / "window.png", tmp_path / "command.png"
    with Image.open(MAPS / "island.png") as small:
        small.resize((width, width * 3 // 4), Image.Resampling.NEAREST).save(drawn)
    heard = notices(panel)
    panel.files.open(drawn, "map")
    qtbot.waitUntil(lambda: None in heard)
    panel.choose_look(seed_look(7))
    panel.roll_grain()
    grain = panel.document.drawing.looks.grain
    panel.files.save_picture(window)
    qtbot.waitUntil(window.exists, timeout=WAIT_MS)
    parser = Parser(prog="ganvas paint")
    add_common(parser)
    paint.configure(parser)
    words = [str(drawn), "--seed", "7", "--grain", str(grain), "--out", str(command), "--device", "cpu", "--threads", "1"]
    assert paint.run(complete(parser.parse_args(words))) == 0
    with Image.open(window) as one, Image.open(command) as other:
        assert one.size == (width, width * 3 // 4)
        np.testing.assert_array_equal(np.asarray(other), np.asarray(one))
    makings = [from_recipe(recipes.read(path) or {}) for path in (window, command)]
    assert makings[0] is not None
    assert makings[1] is not None
    assert makings[0].enlarge_with == makings[1].enlarge_with == ("" if width == 512 else "photo-x2-faithful")
    looks, others = makings[0].drawing.looks, makings[1].drawing.looks
    assert (looks.first, looks.grain, looks.blend) == (others.first, others.grain, others.blend)
