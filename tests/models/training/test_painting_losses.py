"""What a painter is judged by: labels weigh as they should, statistics are right, and critic and generator pull apart."""

import pytest
import torch

from models.training.augment import adapted, draw
from models.training.critic import Critic, critic_loss, generator_loss, label_weights, share_pyramid
from models.training.styles import label_statistics, statistics_loss
from models.training.trunk import read_trunk


def test_augmentation_treats_shares_and_pictures_alike_and_lets_gradients_through() -> None:
    torch.manual_seed(3)
    draws = draw(4, 1.0, torch.device("cpu"))
    assert (draws.down, draws.right) != (0.0, 0.0)
    pictures = torch.zeros(4, 3, 32, 32, requires_grad=True)
    shares = torch.ones(4, 2, 32, 32)
    changed, moved = draws.pictures(pictures), draws.shifted(shares)
    changed.sum().backward()
    assert pictures.grad is not None
    gone = moved[0, 0] == 0
    assert 0 < gone.float().mean() < 0.3
    assert torch.equal(changed[0, 0] == 0, gone) or draws.light[0] == 0
    unchanged = draw(4, 0.0, torch.device("cpu"))
    assert torch.allclose(unchanged.pictures(changed), changed, atol=1e-6)


def test_strength_follows_sureness_within_its_ends() -> None:
    assert adapted(0.4, 0.9, 1000) > 0.4 > adapted(0.4, 0.1, 1000)
    assert adapted(0.8, 1.0, 10**6) == 0.8
    assert adapted(0.2, 0.0, 10**6) == 0.15


def test_rare_labels_weigh_more_and_the_mean_weight_is_one() -> None:
    shares = torch.tensor([0.9, 0.0999, 0.0001])
    weights = label_weights(shares)
    assert weights[2] > weights[1] > weights[0]
    assert (weights * shares).sum().item() == pytest.approx(1)


def test_losses_of_critic_and_generator_pull_against_each_other() -> None:
    torch.manual_seed(0)
    critic, trunk = Critic(3), read_trunk()
    pictures = torch.rand(2, 3, 64, 64) * 2 - 1
    there = torch.zeros(2, 3, 64, 64)
    there[:, 1] = 1
    shares = share_pyramid(there)
    logits, whole = critic(pictures, trunk(pictures))
    assert [one.shape[-1] for one in logits] == [32, 16, 8, 4, 32]
    weights = torch.ones(3)
    named = [torch.zeros_like(one).index_fill(1, torch.tensor([1]), 9.0) for one in logits]
    made = [torch.zeros_like(one).index_fill(1, torch.tensor([3]), 9.0) for one in logits]
    low, high = torch.full_like(whole, -2), torch.full_like(whole, 2)
    assert critic_loss(named, high, shares, weights, real=True) < 0.01 < critic_loss(made, low, shares, weights, real=True)
    assert critic_loss(made, low, shares, weights, real=False) < 0.01 < critic_loss(named, high, shares, weights, real=False)
    assert generator_loss(named, high, shares, weights) < generator_loss(made, low, shares, weights)


def test_statistics_are_those_of_each_label_and_compare_only_common_ones() -> None:
    features = torch.zeros(1, 2, 8, 8)
    features[:, 0, :4], features[:, 0, 4:] = 1, 5
    shares = torch.zeros(1, 3, 8, 8)
    shares[:, 0, :4], shares[:, 1, 4:] = 1, 1
    mean, deviation, area = label_statistics(features, shares)
    assert mean[0, :2, 0].tolist() == [1, 5]
    assert deviation[0, :2].max() < 0.01
    assert area[0].tolist() == [0.5, 0.5, 0]
    pixels = (torch.zeros(1, 3, 16, 16), torch.zeros(1, 3, 16, 16))
    alone = torch.zeros_like(shares)
    alone[:, 2] = 1
    here, there = ({8: x, 4: torch.nn.functional.avg_pool2d(x, 2)} for x in (shares, alone))
    assert statistics_loss({2: features}, here, {2: features * 3}, there, pixels)[0] == 0
    assert statistics_loss({2: features}, here, {2: features}, here, pixels)[0] == 0
    assert statistics_loss({2: features}, here, {2: features * 3}, here, pixels)[0] > 0.1


def test_what_is_even_has_its_deviation_in_bfloat16_too() -> None:
    torch.manual_seed(0)
    sky = (0.8 + 0.03 * torch.randn(1, 3, 64, 64)).requires_grad_()
    shares = torch.ones(1, 1, 64, 64)
    exact = label_statistics(sky, shares)
    with torch.autocast("cpu", torch.bfloat16):
        found = label_statistics(sky, shares)
    for one, other in zip(found, exact, strict=True):
        torch.testing.assert_close(one, other)
    found[1].sum().backward()
    assert sky.grad is not None
    assert sky.grad.abs().max() > 0


def test_the_critic_is_not_held_to_the_pixel_at_borders() -> None:
    there = torch.zeros(1, 2, 64, 64)
    there[:, 0, :, :32], there[:, 1, :, 32:] = 1, 1
    pyramid = share_pyramid(there)
    assert pyramid[32][0, 0, 0, 12:20].tolist() == pytest.approx([1, 1, 0.8, 0.6, 0.4, 0.2, 0, 0])
    assert all(torch.allclose(one.sum(1), torch.ones(1)) for one in pyramid.values())
    assert pyramid[4][0, 0, 0].tolist() == [1, 1, 0, 0]
