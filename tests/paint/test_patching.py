"""While a hand paints, the quick landscape is seen around the stroke alone; elsewhere the finished one stays."""

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from app.inference.requests import PaintRequest
from app.paint.panel import PaintPanel
from app.paint.state.look import seed_look
from app.paint.state.patching import patch_alpha, same_but_map
from app.widgets.picture_view import picture_of
from tests.paint.conftest import ColourEngine
from tests.paint.hands import LEFT, NOTHING_HELD, at
from tests.paint.seen import canvas_of, done


def maps() -> tuple[np.ndarray, np.ndarray]:
    before = np.zeros((384, 512), np.uint8)
    now = before.copy()
    now[180:200, 240:260] = 3
    return before, now


def test_the_quick_picture_is_seen_where_the_map_changed_and_fades_out_around_it() -> None:
    alpha = patch_alpha(*maps())
    assert alpha is not None
    assert alpha.shape == (384, 512)
    assert (alpha[180:200, 240:260] == 255).all()
    assert not alpha[:60].any()
    assert not alpha[:, :140].any()
    row = alpha[190, 260:400].astype(int)
    assert (np.diff(row) <= 0).all()
    assert len(set(row.tolist())) > 8  # a slope, not a step


def test_one_changed_pixel_is_enough_and_none_shows_nothing() -> None:
    before, _ = maps()
    now = before.copy()
    now[101, 203] = 1
    alpha = patch_alpha(before, now)
    assert alpha is not None
    assert alpha[101, 203] == 255
    nothing = patch_alpha(before, before)
    assert nothing is not None
    assert not nothing.any()


def test_where_most_of_it_changed_or_the_canvas_is_another_the_quick_picture_is_shown_whole() -> None:
    before, now = maps()
    now[:300] = 2
    assert patch_alpha(before, now) is None
    assert patch_alpha(before, np.zeros((512, 384), np.uint8)) is None


@pytest.mark.parametrize(
    "other",
    [
        {"model": "other"},
        {"look": 2},
        {"look": np.zeros((2, 2, 3), np.uint8)},
        {"noise_seed": 1},
        {"natural_edges": False},
        {"blend": 0.5, "second_look": 4},
    ],
)
def test_only_pictures_that_differ_by_their_map_alone_are_laid_over_each_other(other: dict[str, object]) -> None:
    before, now = maps()
    one = PaintRequest("painter", before, 1, enlarge_with="photo-x2")
    assert same_but_map(one, PaintRequest("painter", now, 1, deadline_ms=90.0))
    assert not same_but_map(one, replace(one, **other))  # type: ignore[arg-type]


def test_a_stroke_leaves_the_rest_of_the_finished_landscape_as_it_is(
    panel: PaintPanel, engine: ColourEngine, qtbot: QtBot
) -> None:
    done(qtbot, panel)
    canvas, finished = canvas_of(panel), panel.desk.landscape
    panel.desk.choose_label(8)
    QTest.mousePress(canvas, LEFT, NOTHING_HELD, at(canvas, 500, 100))
    qtbot.waitUntil(lambda: not panel.desk.patch.isNull())
    assert panel.desk.landscape is finished
    QTest.mouseRelease(canvas, LEFT, NOTHING_HELD, at(canvas, 500, 100))
    done(qtbot, panel)
    assert panel.desk.patch.isNull()
    assert picture_of(panel.desk.landscape).tolist() == panel.picture.tolist()  # type: ignore[union-attr]


def test_what_is_seen_of_a_stroke_is_the_quick_picture(panel: PaintPanel, engine: ColourEngine, qtbot: QtBot) -> None:
    done(qtbot, panel)
    view, canvas = panel._frame.views.landscape, canvas_of(panel)
    far = at(view, 60, 740)
    before = view.grab().toImage().pixelColor(far)
    panel.desk.choose_label(8)
    panel.tools.resize(120)
    QTest.mousePress(canvas, LEFT, NOTHING_HELD, at(canvas, 500, 100))
    qtbot.waitUntil(lambda: not panel.desk.patch.isNull())
    seen = view.grab().toImage()
    colour = panel.document.drawing.palette.label(8).colour
    near = seen.pixelColor(at(view, 500, 100))
    assert max(abs(a - b) for a, b in zip((near.red(), near.green(), near.blue()), colour, strict=True)) <= 2
    assert seen.pixelColor(far) == before
    QTest.mouseRelease(canvas, LEFT, NOTHING_HELD, at(canvas, 500, 100))
    done(qtbot, panel)


def test_another_look_is_shown_whole_at_once(panel: PaintPanel, engine: ColourEngine, qtbot: QtBot) -> None:
    done(qtbot, panel)
    finished = panel.desk.landscape
    engine.held = True
    panel.choose_look(seed_look(41))
    engine.gate.release()
    qtbot.waitUntil(lambda: panel.desk.landscape is not finished)
    assert panel.desk.patch.isNull()
    engine.held = False
    engine.gate.release(100)
    done(qtbot, panel)
