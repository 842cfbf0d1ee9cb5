"""Winograd's convolution is the plain one."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from models.networks import winograd
from models.steps import drain

needs_onednn = pytest.mark.skipif(not winograd.has_onednn(), reason="this torch was built without oneDNN")


def plain(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    return F.conv2d(x.double().permute(2, 0, 1)[None], weight.double(), padding=1)[0].permute(1, 2, 0)


@needs_onednn
@pytest.mark.parametrize(("height", "width"), [(4, 4), (8, 32), (1, 1), (7, 13), (18, 5)])
@pytest.mark.parametrize("values", [1, 1 << 12, 1 << 22], ids=["a row of tiles", "strips", "whole"])
def test_any_size_in_strips_or_whole_gives_the_plain_convolution(
    height: int, width: int, values: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(winograd, "STRIP_VALUES", values)
    torch.manual_seed(0)
    x, weight = torch.randn(height, width, 5), torch.randn(7, 5, 3, 3)
    with torch.inference_mode():
        made = drain(winograd.convolved(x, winograd.transformed(weight)))
    want = plain(x, weight)
    assert made.shape == want.shape
    assert (made - want).abs().max() < 2e-5 * want.abs().max()


@needs_onednn
def test_a_scale_is_multiplied_into_what_goes_in() -> None:
    torch.manual_seed(0)
    x, weight, scale = torch.randn(9, 6, 4), torch.randn(3, 4, 3, 3), torch.randn(4)
    kept = x.clone()
    with torch.inference_mode():
        made = drain(winograd.convolved(x, winograd.transformed(weight), scale))
    want = plain(x * scale, weight)
    assert (made - want).abs().max() < 2e-5 * want.abs().max()
    assert torch.equal(x, kept)


@needs_onednn
def test_the_rounding_of_a_wide_layer_stays_far_below_what_a_picture_shows() -> None:
    torch.manual_seed(0)
    x, weight = torch.randn(32, 32, 256), torch.randn(128, 256, 3, 3) / 48
    with torch.inference_mode():
        made = drain(winograd.convolved(x, winograd.transformed(weight)))
    error = (made - plain(x, weight)).square().mean().sqrt()
    assert error < 3e-5


@needs_onednn
def test_it_is_chosen_for_wide_layers_of_large_pictures_in_float32_only() -> None:
    wide, narrow = torch.empty(128, 128, 3, 3), torch.empty(64, 128, 3, 3)
    assert winograd.pays(wide, 64 * 64)
    assert not winograd.pays(wide, 16 * 16)
    assert not winograd.pays(narrow, 64 * 64)
    assert not winograd.pays(wide.bfloat16(), 64 * 64)


def test_it_is_not_chosen_where_torch_has_no_onednn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(winograd, "has_onednn", lambda: False)
    assert not winograd.pays(torch.empty(128, 128, 3, 3), 64 * 64)
