"""Augmentation of the latent recipe: each picture is framed for itself, real and made ones alike; gradients come through."""

import pytest
import torch

from models.training import latent_augment

HERE = torch.device("cpu")


def ramps(count: int, side: int = 32) -> torch.Tensor:
    """Pictures that grow lighter to the right in their first colour and downwards in the second."""
    line = torch.linspace(-0.5, 0.5, side)
    picture = torch.stack([line.expand(side, side), line[:, None].expand(side, side), torch.zeros(side, side)])
    return picture.expand(count, -1, -1, -1).clone()


def test_nothing_changes_at_strength_nought() -> None:
    x = ramps(4)
    assert torch.allclose(latent_augment.draw(4, 0.0, HERE).pictures(x), x, atol=1e-5)


def test_pictures_are_framed_one_by_one_and_twice_alike() -> None:
    torch.manual_seed(0)
    drawn = latent_augment.draw(6, 1.0, HERE)
    x = ramps(6)
    changed = drawn.pictures(x)
    assert torch.equal(drawn.pictures(x), changed)
    assert changed.shape == x.shape
    differ = (changed[:, None] - changed[None]).abs().mean((2, 3, 4))
    assert (differ + torch.eye(6) > 0.01).all()


def test_a_piece_is_cut_out_of_half_of_them_and_nothing_else_is_lost() -> None:
    torch.manual_seed(0)
    drawn = latent_augment.draw(200, 1.0, HERE)
    seen = drawn.pictures(torch.full((200, 3, 20, 20), 0.9))
    share = (seen.abs().amax(1) == 0).float().mean((1, 2))
    assert (share > 0).float().mean() == pytest.approx(0.5, abs=0.12)
    assert share.max() <= 0.17  # a piece of 0.4 of the side


def test_a_picture_moves_by_an_eighth_at_most_and_is_mirrored_where_it_ends() -> None:
    torch.manual_seed(1)
    x = torch.zeros(100, 3, 32, 32)
    x[:, :, 14:18, 14:18] = 1
    drawn = latent_augment.draw(100, 1.0, HERE)
    uncut = latent_augment.Framing(drawn.light, drawn.places, torch.full((100, 2), -1.0))
    seen = uncut.pictures(x).amax(1)
    seen = (seen - seen.amin((1, 2), keepdim=True)).clamp(min=0)
    middle = (seen * torch.arange(32.0)).sum((1, 2)) / seen.sum((1, 2)) - 15.5
    assert 1.5 < middle.abs().max() < 32 / 8 * 1.4  # zoomed out it is nearer, zoomed in farther


def test_gradients_come_through_to_made_pictures() -> None:
    torch.manual_seed(0)
    x = ramps(3).requires_grad_(True)
    latent_augment.draw(3, 1.0, HERE).pictures(x).square().sum().backward()
    assert x.grad is not None
    assert (x.grad.abs().sum((1, 2, 3)) > 0).all()
