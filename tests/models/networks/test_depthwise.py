"""The quick gradient of filters of single channels is the gradient."""

import pytest
import torch
import torch.nn.functional as F

from models.networks.depthwise import filtered


@pytest.mark.parametrize(
    ("stride", "padding", "kernel", "side"),
    [(1, 1, 3, 9), (1, 2, 5, 8), (2, 0, 3, 17), (2, 0, 3, 16), (2, 0, 5, 19), (2, 1, 3, 8)],
)
def test_it_is_the_convolution_and_so_is_its_gradient(stride: int, padding: int, kernel: int, side: int) -> None:
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(2, 6, side, side + 2, generator=draw, dtype=torch.double, requires_grad=True)
    weight, bias = (torch.randn(*shape, generator=draw, dtype=torch.double) for shape in ((6, 1, kernel, kernel), (6,)))
    plain, quick = F.conv2d(x, weight, bias, stride, padding, 1, 6), filtered(x, weight, bias, stride, padding)
    assert torch.equal(quick, plain)
    coming = torch.randn(plain.shape, generator=draw, dtype=torch.double)
    wanted, found = (torch.autograd.grad(y, x, coming)[0] for y in (plain, quick))
    assert torch.allclose(found, wanted, atol=1e-12)


def test_weights_that_learn_get_their_gradient_too() -> None:
    x, weight = torch.randn(1, 3, 8, 8, requires_grad=True), torch.randn(3, 1, 3, 3, requires_grad=True)
    for found in torch.autograd.grad(filtered(x, weight, None, 1, 1).square().sum(), (x, weight)):
        assert found.abs().sum() > 0
    bias = torch.zeros(3, requires_grad=True)
    (found,) = torch.autograd.grad(filtered(x, weight.detach(), bias, 1, 1).square().sum(), bias)
    assert found.abs().sum() > 0


def test_under_autocast_it_computes_in_the_smaller_format() -> None:
    x, weight = torch.randn(1, 3, 8, 8, requires_grad=True), torch.randn(3, 1, 3, 3)
    with torch.autocast("cpu", torch.bfloat16):
        y = filtered(x, weight, torch.zeros(3), 1, 1)
    assert y.dtype == torch.bfloat16
    y.float().sum().backward()
    assert x.grad is not None
    assert x.grad.dtype == torch.float32
