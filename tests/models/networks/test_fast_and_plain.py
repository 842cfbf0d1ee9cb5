"""Every fast network gives the picture of its plain one: whole, in strips, and in a lower number format within a level or two."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

import pytest
import torch
from torch import nn

from models.card import Card
from models.checkpoints.families.compact import CompactFamily
from models.errors import CheckpointError
from models.networks import pieces
from models.networks.compact import Compact, CompactConfig, FastCompact
from models.networks.dcgan import DCGAN, DCGANConfig, FastDCGAN
from models.networks.resnet_translator import FastResNetTranslator, ResNetConfig, ResNetTranslator
from models.networks.rrdbnet import FastRRDBNet, RRDBConfig, RRDBNet
from models.networks.spade import FastSPADE, SPADEConfig, SPADEEncoder, SPADEGenerator
from models.networks.srresnet import FastSRResNet, SRResNet, SRResNetConfig
from models.networks.unet_translator import FastUNetTranslator, UNetConfig, UNetTranslator
from models.precision import Runtime
from models.steps import Steps, drain

FLOAT32 = Runtime(torch.device("cpu"), torch.float32)
BFLOAT16 = Runtime(torch.device("cpu"), torch.bfloat16)


def filled(network: nn.Module, spread: float = 0.7) -> nn.Module:
    """The network with random numbers of a size that keeps pictures lively, in evaluation."""
    generator = torch.Generator().manual_seed(7)
    for name, tensor in network.state_dict().items():
        if name.endswith("running_var"):
            tensor.uniform_(0.5, 2, generator=generator)
        elif tensor.ndim > 1:
            tensor.normal_(0, spread / (tensor[0].numel() ** 0.5), generator=generator)
        elif name.endswith(("norm.weight", "norms.0.weight")) or "norm" in name:
            tensor.uniform_(0.5, 1.5, generator=generator)
        else:
            tensor.normal_(0, 0.1, generator=generator)
    return network.eval().requires_grad_(False)


def _upscaler(plain: nn.Module, fast: type[Any], config: Any, size: tuple[int, int]) -> Any:
    x = torch.rand(1, getattr(config, "channels_in", getattr(config, "channels", 3)), *size)
    return filled(plain), fast, config, (x,), "enlarge"


def _translator(plain: nn.Module, fast: type[Any], config: Any, size: tuple[int, int]) -> Any:
    return filled(plain), fast, config, (torch.rand(1, config.channels_in, *size) * 2 - 1,), "translate"


def _cases() -> dict[str, Any]:
    torch.manual_seed(0)
    rrdb = RRDBConfig(3, 3, 16, 8, 2, 2)
    unshuffled = RRDBConfig(3, 3, 8, 4, 1, 2, unshuffle=2)
    plus = RRDBConfig(3, 3, 16, 8, 1, 1, plus=True)
    compact, resized = CompactConfig(3, 16, 3, 4), CompactConfig(1, 8, 2, 4, resized=3)
    resnet = ResNetConfig(3, 3, 8, 12, 16, (20, 12), 10, 8, separable=False, batch=False)
    normed = ResNetConfig(1, 3, 8, 8, 8, (8,), 8, 8, separable=False, batch=True, padding="zeros")
    separable = ResNetConfig(3, 3, 8, 12, 16, (8, 24), 10, 6, separable=True, batch=False)
    unet, batch_unet = UNetConfig(3, 3, (4, 8, 8, 8, 8), batch=False), UNetConfig(1, 3, (4, 8, 8, 8), batch=True)
    srresnet, older = SRResNetConfig(8, 2, 2, normed=True), SRResNetConfig(8, 3, 1, normed=False)
    return {
        "RRDBNet x4": _upscaler(RRDBNet(rrdb), FastRRDBNet, rrdb, (37, 21)),
        "RRDBNet x2 by unshuffling": _upscaler(RRDBNet(unshuffled), FastRRDBNet, unshuffled, (36, 22)),
        "RRDBNet with bypasses": _upscaler(RRDBNet(plus), FastRRDBNet, plus, (21, 19)),
        "compact x4": _upscaler(Compact(compact), FastCompact, compact, (40, 23)),
        "compact x4 reduced to x3, grey": _upscaler(Compact(resized), FastCompact, resized, (40, 23)),
        "SRResNet": _upscaler(SRResNet(srresnet), FastSRResNet, srresnet, (30, 22)),
        "SRResNet of 2018": _upscaler(SRResNet(older), FastSRResNet, older, (30, 22)),
        "ResNet, instance norms": _translator(ResNetTranslator(resnet), FastResNetTranslator, resnet, (48, 32)),
        "ResNet, batch norms": _translator(ResNetTranslator(normed), FastResNetTranslator, normed, (48, 32)),
        "ResNet, separable": _translator(ResNetTranslator(separable), FastResNetTranslator, separable, (48, 32)),
        "U-Net, instance norms": _translator(UNetTranslator(unet), FastUNetTranslator, unet, (32, 32)),
        "U-Net, batch norms": _translator(UNetTranslator(batch_unet), FastUNetTranslator, batch_unet, (16, 16)),
    }


CASES = _cases()


def _fast(plain: nn.Module, fast: type[Any], config: Any, inputs: tuple[torch.Tensor, ...], call: str, runtime: Runtime) -> Any:
    network = fast(config, plain.state_dict(), runtime)
    steps: Callable[..., Steps[torch.Tensor]] = getattr(network, call)
    with torch.inference_mode():
        return drain(steps(*inputs))


@pytest.mark.parametrize("name", CASES)
def test_fast_is_plain_whole_and_in_strips(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plain, fast, config, inputs, call = CASES[name]
    want = plain(*inputs)
    assert want.std() > 0.01, "a test on a flat picture says nothing"
    assert (_fast(plain, fast, config, inputs, call, FLOAT32) - want).abs().max() < 2e-5
    monkeypatch.setattr(pieces, "PIECE", 1.0)
    assert (_fast(plain, fast, config, inputs, call, FLOAT32) - want).abs().max() < 2e-5


@pytest.mark.parametrize("name", CASES)
def test_a_lower_format_stays_close(name: str) -> None:
    plain, fast, config, inputs, call = CASES[name]
    want = plain(*inputs)
    got = _fast(plain, fast, config, inputs, call, BFLOAT16)
    assert got.dtype == torch.float32
    assert (got - want).abs().mean() < 0.01 * (want.amax() - want.amin())


@pytest.mark.parametrize("size", [(40, 23), (3, 2), (160, 30)])
def test_a_network_may_see_a_picture_go_on_beyond_its_sides(size: tuple[int, int]) -> None:
    config = CompactConfig(3, 16, 3, 4)
    plain = filled(Compact(config))
    x = torch.rand(1, 3, *size)
    with torch.inference_mode():
        want = plain(torch.nn.functional.pad(x, (8,) * 4, mode="replicate"))[..., 32:-32, 32:-32]
        bands = [band for band in FastCompact(config, plain.state_dict(), FLOAT32, 8).bands(x) if band is not None]
    assert (torch.cat(bands, 2) - want).abs().max() < 2e-5
    assert (want - plain(x)).abs().max() > 1e-3


@pytest.mark.parametrize("around", [True, -4, 6, 64, "8", None])
def test_a_card_that_asks_for_impossible_surroundings_is_refused(around: object) -> None:
    config = CompactConfig(3, 16, 3, 4)
    tensors = filled(Compact(config)).state_dict()  # what is not filled may be no numbers
    card = Card("odd", "Odd", "upscaling", "compact", asdict(config), scale=4)
    assert CompactFamily().assemble(card, tensors, FLOAT32).scale == 4
    with pytest.raises(CheckpointError, match="impossible surroundings"):
        CompactFamily().assemble(replace(card, config={**card.config, "around": around}), tensors, FLOAT32)


def test_work_is_cut_into_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    config = CompactConfig(3, 16, 3, 2)
    network = FastCompact(config, filled(Compact(config)).state_dict(), FLOAT32)
    x = torch.rand(1, 3, 64, 64)
    whole = sum(1 for _ in network.enlarge(x))
    monkeypatch.setattr(pieces, "PIECE", 2.0 * 16 * 16 * 9 * 64 * 8)  # eight rows of an inner layer
    assert sum(1 for _ in network.enlarge(x)) > 3 * whole


SPADES = {
    "normal": SPADEConfig(6, 4, 5, 3, 5, 0, (0, 0), batch=True),
    "more": SPADEConfig(6, 4, 5, 3, 6, 0, (0, 0), batch=True),
    "most, with a style": SPADEConfig(6, 4, 5, 3, 7, 12, (1, 2), batch=True),
    "instance norms of size 5": SPADEConfig(6, 4, 5, 5, 5, 0, (0, 0), batch=False),
}


@pytest.mark.parametrize("name", SPADES)
@pytest.mark.parametrize("runtime", [FLOAT32, BFLOAT16], ids=["float32", "bfloat16"])
def test_fast_spade_is_plain_spade(name: str, runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    config = SPADES[name]
    plain = filled(SPADEGenerator(config), 0.4)
    begin = (1, 2) if config.batch else (6, 8)  # an instance norm of two pixels is nothing but rounding
    size = (begin[0] << config.doublings, begin[1] << config.doublings)
    shares = torch.zeros(1, 6, *size)
    shares[:, 1, : size[0] // 2], shares[:, 4, size[0] // 2 :] = 1, 0.25
    shares[:, 2, size[0] // 2 :] = 0.75
    style = torch.randn(1, config.style) if config.style else None
    want = plain(shares, style)
    fast = FastSPADE(config, plain.state_dict(), runtime)
    for piece in (pieces.PIECE, 1e5):
        monkeypatch.setattr(pieces, "PIECE", piece)
        with torch.inference_mode():
            got = drain(fast.render(shares, style))
        error = (got - want).abs()
        assert error.max() < (5e-5 if runtime is FLOAT32 else 0.25)
        assert error.mean() < (5e-6 if runtime is FLOAT32 else 0.02)
    assert want.std() > 0.05


def test_the_style_encoder_squashes_photos_of_any_shape() -> None:
    encoder = filled(SPADEEncoder((2, 4, 8, 16, 16, 16), 12))
    photo = torch.rand(1, 3, 40, 90) * 2 - 1
    squashed = torch.nn.functional.interpolate(photo, (256, 256), mode="bilinear", align_corners=False)
    assert torch.allclose(encoder(photo), encoder(squashed))
    assert encoder(photo).shape == (1, 12)


@pytest.mark.parametrize("channels", [1, 3])
def test_fast_dcgan_is_plain_dcgan(channels: int) -> None:
    config = DCGANConfig(10, (16, 8, 8, 4), channels)
    plain = filled(DCGAN(config))
    z = torch.randn(2, 10)
    fast = FastDCGAN(config, plain.state_dict(), FLOAT32)
    with torch.inference_mode():
        got = drain(fast.synthesize(fast.map(z, None)[:, None], "none", 0, None))
    assert got.shape == (2, 3, 64, 64)
    assert (got - plain(z)).abs().max() < 2e-5
