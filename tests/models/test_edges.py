"""Natural edges: which borders move, which stay, and that nothing is lost on the way."""

from __future__ import annotations

import pytest
import torch

from models import edges
from models.edges import Pass, natural_edges, passes_for, read_passes

SKY, CLOUD, SEA, TREE = range(4)
CHANNELS = {"sky": SKY, "cloud": CLOUD, "sea": SEA, "tree": TREE}
PASSES = read_passes(passes_for(CHANNELS), CHANNELS)


def scene(tree: bool = True) -> torch.Tensor:
    """Sky with a cloud, the sea below the middle, a tree that stands in front of both."""
    shares = torch.zeros(4, 96, 128)
    shares[SKY, :48] = 1
    shares[SEA, 48:] = 1
    for label, (top, bottom, left, right) in ((CLOUD, (10, 26, 30, 90)), *([(TREE, (30, 70, 100, 120))] if tree else [])):
        shares[:, top:bottom, left:right] = 0
        shares[label, top:bottom, left:right] = 1
    return shares


def test_each_pixel_keeps_a_sum_of_one() -> None:
    moved = natural_edges(scene(), PASSES, 3)
    assert float((moved.sum(0) - 1).abs().max()) < 1e-4
    assert float(moved.min()) >= 0


def test_clouds_and_trees_change_their_outline_and_about_keep_their_size() -> None:
    before = scene()
    moved = [natural_edges(before, PASSES, seed) for seed in range(8)]
    for label in (CLOUD, TREE):
        size = float(before[label].sum())
        assert all(float((one[label] - before[label]).abs().sum()) > 0.1 * size for one in moved)
        sizes = [float(one[label].sum()) / size for one in moved]
        assert sum(sizes) / len(sizes) == pytest.approx(1, abs=0.15)
        assert min(sizes) > 0.5
        assert max(sizes) < 1.7


def test_the_line_between_sea_and_sky_stays_where_it_was_drawn() -> None:
    before = scene(tree=False)
    assert torch.allclose(natural_edges(before, PASSES, 3)[SEA], before[SEA], atol=1e-6)


def test_a_cloud_ends_in_a_slope_not_in_a_step() -> None:
    cloud = natural_edges(scene(tree=False), PASSES, 3)[CLOUD]
    step = max(float(cloud.diff(dim=0).abs().max()), float(cloud.diff(dim=1).abs().max()))
    assert step < 0.7 < float(cloud.max())


@pytest.mark.parametrize(("above", "below"), [("snow", "mountain"), ("hill", "sea"), ("mountain", "water")])
def test_snow_on_a_mountain_and_a_far_shore_are_slopes_that_stay_where_they_were_drawn(above: str, below: str) -> None:
    channels = {above: 0, below: 1, "tree": 2}
    shares = torch.zeros(3, 256, 256)
    shares[0, :128], shares[1, 128:] = 1, 1
    moved = natural_edges(shares, read_passes(passes_for(channels), channels), 3)
    slope = moved[0].mean(1)
    assert float(slope.diff().abs().max()) < 0.7
    assert 2 <= int(((slope > 0.02) & (slope < 0.98)).sum()) <= 12
    assert float(slope.sum()) == pytest.approx(128, abs=3)
    assert float((moved.sum(0) - 1).abs().max()) < 1e-4
    exact = natural_edges(shares, read_passes([{"reach": {above: 0, below: 0}}], channels), 3)
    assert torch.equal(exact, shares)


def test_the_same_seed_moves_alike_and_another_does_not() -> None:
    one = natural_edges(scene(), PASSES, 3)
    assert torch.equal(one, natural_edges(scene(), PASSES, 3))
    assert not torch.equal(one, natural_edges(scene(), PASSES, 4))


def test_what_is_painted_elsewhere_moves_nothing_here() -> None:
    more = scene(tree=False)
    more[:, 60:80, 5:25] = 0
    more[TREE, 60:80, 5:25] = 1
    here = (slice(None), slice(0, 40))
    one, other = (natural_edges(x, PASSES, 3)[here] for x in (more, scene(tree=False)))
    assert torch.allclose(one, other, atol=1e-4)


def test_without_a_border_to_exchange_nothing_changes() -> None:
    sea = torch.zeros(4, 32, 32)
    sea[SEA] = 1
    assert torch.equal(natural_edges(sea, PASSES, 0), sea)


def test_a_map_of_a_few_pixels_does_not_fail() -> None:
    shares = torch.zeros(4, 2, 3)
    shares[SKY, 0], shares[CLOUD, 1] = 1, 1
    assert torch.isfinite(natural_edges(shares, PASSES, 1)).all()


def test_a_painter_gets_passes_for_the_labels_that_it_knows() -> None:
    assert passes_for(["lamp", "sofa"]) == []
    assert [set(one["reach"]) for one in passes_for(["sky", "tree"])] == [{"sky", "tree"}]


@pytest.mark.parametrize(
    "raw",
    [
        {"reach": {}},
        ["sky"],
        [{"soft": 0.1}],
        [{"reach": {"moon": 0.01}}],
        [{"reach": {"sky": 9.0}}],
        [{"reach": {"sky": float("nan")}}],
        [{"reach": {"sky": "far"}}],
        [{"reach": {"sky": 0.01}, "stretch": 1e9}],
    ],
)
def test_passes_that_cannot_be_are_refused(raw: object) -> None:
    with pytest.raises(ValueError):
        read_passes(raw, CHANNELS)


def test_a_model_without_passes_moves_nothing() -> None:
    assert read_passes(None, CHANNELS) == ()
    shares = scene()
    assert natural_edges(shares, (), 0) is shares
    assert torch.equal(natural_edges(shares, (Pass({SKY: 0.0, CLOUD: 0.0}),), 0), shares)


def test_a_network_that_works_finer_is_given_a_broader_slope_at_a_cloud() -> None:
    passes = tuple(one for one in PASSES if one.soft)
    slopes = [float(((one := natural_edges(scene(False), passes, 3, detail)[CLOUD]) * (1 - one)).sum()) for detail in (1, 2)]
    assert slopes[1] > 1.2 * slopes[0]


def test_a_pixel_is_taken_from_its_way_down_and_its_way_across() -> None:
    planes = torch.arange(12.0 * 16).reshape(1, 12, 16)
    way = torch.stack([torch.full((12, 16), 2.0), torch.full((12, 16), 5.0)])
    moved = edges._looked_up(planes, way)
    assert torch.allclose(moved[0, :10, :11], planes[0, 2:, 5:], atol=1e-3)
