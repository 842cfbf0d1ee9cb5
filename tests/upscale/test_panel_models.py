"""Models that change beside the steps of the history, under presets, and that are gone when something asks for them."""

from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
from pytestqt.qtbot import QtBot

from app.settings import Settings
from app.upscale import recall
from app.upscale.panel import UpscalePanel
from app.upscale.plan import Choices
from app.upscale.sizes import parse_target
from app.widgets.panel import Notice
from models.card import Card
from models.catalogue import Catalogue
from models.networks.compact import Compact
from tests.upscale import belt

OTHER = "other"


@pytest.fixture
def two(panel: UpscalePanel, home_catalogue: Catalogue) -> UpscalePanel:
    """The panel with a second model, which is built as the first one is; the first one is at hand."""
    tensors = {name: torch.full_like(value, 0.01) for name, value in Compact(belt.CONFIG).state_dict().items()}
    home_catalogue.keep(Card(OTHER, "Other", "upscaling", "compact", asdict(belt.CONFIG), scale=2), tensors)
    panel.catalogue_changed()
    panel.choose_model(belt.TWICE)
    return panel


def chosen(panel: UpscalePanel) -> set[str]:
    """The model by all who show it or work with it."""
    assert panel.models.card is not None
    return {panel.models.card.name, panel.queue.choices.model, panel.options.picker.name()}


def test_undo_leaves_the_model_that_was_chosen_since(two: UpscalePanel) -> None:
    two.options.changed.emit(replace(two.queue.choices, strength=0.5), "Strength")
    two.choose_model(OTHER)
    two.undo()
    assert two.queue.choices.strength == 1
    assert chosen(two) == {OTHER}
    two.redo()
    assert two.queue.choices.strength == 0.5
    assert chosen(two) == {OTHER}


def test_a_preset_brings_its_model_for_good_and_undo_takes_it_back(two: UpscalePanel) -> None:
    two._use_preset(replace(two.queue.choices, model=OTHER, target=parse_target("x3")))
    assert chosen(two) == {OTHER}
    two.catalogue_changed()  # a model came, or a name was changed
    assert chosen(two) == {OTHER}
    two.undo()
    assert chosen(two) == {belt.TWICE}
    assert two.queue.choices.target == parse_target("x2")


def test_where_the_chosen_model_is_removed_it_is_told_once_which_one_is_taken(
    two: UpscalePanel, notices: list[Notice | None], home_catalogue: Catalogue
) -> None:
    two.choose_model(OTHER)
    notices.clear()
    home_catalogue.remove(OTHER)
    two.catalogue_changed()
    two.catalogue_changed()
    (notice,) = notices
    assert notice is not None
    assert OTHER in notice.what
    assert "Twice is taken" in notice.why
    assert chosen(two) == {belt.TWICE}


def test_a_preset_takes_no_mask_away(two: UpscalePanel) -> None:
    mask = Path("mask.png")
    two.options.save_preset("plain")
    two.queue.set_choices(replace(two.queue.choices, protect=mask, strength=0.5))
    two.options._choose_preset("plain")
    assert (two.queue.choices.protect, two.queue.choices.strength) == (mask, 1)


@pytest.mark.parametrize("gone", [{"model": "gone", "other": OTHER, "share": 0.5}, {"other": "gone", "share": 0.5}])
def test_a_preset_whose_model_is_gone_says_so(two: UpscalePanel, notices: list[Notice | None], gone: dict[str, object]) -> None:
    notices.clear()
    two._use_preset(replace(two.queue.choices, target=parse_target("x3"), **gone))  # type: ignore[arg-type]
    assert [notice.bad for notice in notices if notice] == [True]
    assert notices[-1] is not None
    assert "gone" in notices[-1].what
    assert chosen(two) == {belt.TWICE}
    assert two.queue.choices.network == belt.TWICE
    assert two.queue.choices.target == parse_target("x3")


@pytest.mark.parametrize("there", [True, False])
def test_strength_grain_and_what_is_mixed_in_are_kept_for_the_next_start_where_they_fit(
    two: UpscalePanel, qtbot: QtBot, home_catalogue: Catalogue, there: bool
) -> None:
    looks = {"strength": 0.25, "grain": 1.5, "other": OTHER, "share": 0.375, "turns": True}
    two.options.changed.emit(replace(two.queue.choices, **looks), "Preset")  # type: ignore[arg-type]
    qtbot.waitUntil(lambda: Settings().get("upscale.turns", False))
    if not there:
        home_catalogue.remove(OTHER)
    later = UpscalePanel(two._worker, home_catalogue, Settings())
    qtbot.addWidget(later, before_close_func=UpscalePanel.shut)
    told: list[Notice | None] = []
    later.noticed.connect(told.append)
    later.restore({})
    choices = later.queue.choices
    assert (choices.strength, choices.grain, choices.turns) == (0.25, 1.5, True)
    assert (choices.other, choices.share) == ((OTHER, 0.375) if there else ("", 0.0))
    assert [notice.what for notice in told if notice] == (
        [] if there else ["The second model, other, cannot be mixed in any more."]
    )


def test_looks_that_somebody_broke_are_not_followed() -> None:
    settings = Settings()
    settings.set("upscale.strength", 3.0)
    assert recall.last_choices(settings) == Choices("", 4)


def test_a_second_model_does_not_come_back_after_it_was_removed(two: UpscalePanel, home_catalogue: Catalogue) -> None:
    two.options.changed.emit(replace(two.queue.choices, other=OTHER, share=0.5), "Mix")
    two.undo()
    home_catalogue.remove(OTHER)
    two.catalogue_changed()
    two.redo()
    assert two.queue.choices.network == belt.TWICE


def test_a_job_whose_second_model_is_gone_is_not_gone_on_with_without_it(
    two: UpscalePanel, notices: list[Notice | None], home_catalogue: Catalogue
) -> None:
    choices = replace(two.queue.choices, other=OTHER, share=0.5)
    home_catalogue.remove(OTHER)
    two.catalogue_changed()
    notices.clear()
    two.job._go_on_with(1, choices, [])
    assert [notice.what for notice in notices if notice] == ["The second model of that job is no longer here."]
