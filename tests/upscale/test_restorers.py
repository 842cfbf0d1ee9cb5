"""Models that keep the size stand in a group of their own, and work like the others."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from PySide6.QtWidgets import QLabel

from app.photos.decoding import decode
from app.upscale.panel import UpscalePanel
from models.card import Card
from models.catalogue import Catalogue
from models.networks.compact import Compact, CompactConfig
from tests.upscale.belt import TWICE, photos

Until = Callable[[Callable[[], bool]], None]
CONFIG = CompactConfig(channels=3, features=4, inner=1, shuffle=1)


@pytest.fixture
def with_restorers(home_catalogue: Catalogue) -> None:
    """Two restorers: one that changes nothing, one that brightens."""
    tensors = {name: torch.zeros_like(value) for name, value in Compact(CONFIG).state_dict().items()}
    home_catalogue.keep(Card("same", "Same", "upscaling", "compact", asdict(CONFIG), scale=1), tensors)
    last = max(name for name in tensors if name.endswith("bias"))
    tensors[last] = tensors[last] + 0.2
    home_catalogue.keep(Card("brighter", "Brighter", "upscaling", "compact", asdict(CONFIG), scale=1), tensors)


def test_restorers_have_a_heading_and_keep_the_size(
    with_restorers: None, panel: UpscalePanel, until: Until, tmp_path: Path
) -> None:
    panel.catalogue_changed()
    groups = {title: [entry.name for entry in entries] for title, entries in panel.models.groups()}
    assert groups["Restore"] == ["brighter", "same"]
    assert groups["Enlarge"] == [TWICE]
    headings = [label.text() for label in panel.picture.strip.findChildren(QLabel)]
    assert "Restore" in headings
    named = photos(tmp_path / "in", 1, 40, 60)
    panel.add(named)
    until(lambda: [row.state for row in panel.queue.rows] == ["ready"])
    panel.choose_model("brighter")
    until(lambda: [row.planned.size for row in panel.queue.rows if row.planned is not None] == [(60, 40)])
    panel.job.start()
    until(lambda: [row.state for row in panel.queue.rows] == ["done"] and panel.runner.state == "idle")
    assert panel.queue.rows[0].planned is not None
    output = panel.queue.rows[0].planned.output
    assert output is not None
    pixels = decode(named[0]).pixels.astype(float)
    assert np.abs(decode(output).pixels - np.clip(pixels + 51, 0, 255)).max() <= 1


def test_two_models_that_are_built_alike_are_offered_to_be_mixed_and_the_mixture_is_what_comes_out(
    with_restorers: None, panel: UpscalePanel, until: Until, tmp_path: Path
) -> None:
    panel.catalogue_changed()
    looks = panel.options.looks
    assert looks._mix.isHidden()  # nothing is built as the enlarger is
    panel.choose_model("same")
    assert [looks.other.itemData(i) for i in range(looks.other.count())] == ["", "brighter"]
    named = photos(tmp_path / "in", 1, 40, 60)
    panel.add(named)
    until(lambda: [row.state for row in panel.queue.rows] == ["ready"])
    looks.other.setCurrentIndex(1)
    looks.other.activated.emit(1)
    assert (panel.queue.choices.other, panel.queue.choices.share) == ("brighter", 0.5)
    until(lambda: [row.state for row in panel.queue.rows] == ["ready"])
    panel.job.start()
    until(lambda: [row.state for row in panel.queue.rows] == ["done"] and panel.runner.state == "idle")
    assert panel.queue.rows[0].planned is not None
    assert panel.queue.rows[0].planned.output is not None
    pixels = decode(named[0]).pixels.astype(float)
    made = decode(panel.queue.rows[0].planned.output).pixels
    assert np.abs(made - np.clip(pixels + 25.5, 0, 255)).max() <= 1
    panel.choose_model(TWICE)
    assert panel.queue.choices.other == ""
