"""A part of `on_a_card.py`: what a card is given at once, whether pinned memory pays, and whether the card waits for calls."""

from __future__ import annotations

import argparse
import contextlib
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import numpy as np
import torch

from benchmarks.card_promises import alike, model_of, noisy, promise, wait, waited
from benchmarks.pretended_card import PretendedCard
from benchmarks.upscale_networks import filled, networks
from models import flowing, pixels, upscaling
from models.allowance import GB
from models.at_once import LEAST, MOST, TRIES, AtOnce
from models.card import Card
from models.networks import kernel
from models.networks.srresnet import FastSRResNet, SRResNet, SRResNetConfig
from models.networks.streaming import CARD_PIXELS
from models.precision import Runtime
from models.upscaling import UpscalingModel

LONGEST_SEARCH = 20.0  # seconds for each network: then what is left of its amounts is passed over, and told
SMALL_PHOTO = (240, 320)


class Fixed(AtOnce):
    """Takes the same amount always, as far as memory allows: nothing is learnt."""

    def _note(self, taken: int, speed: float) -> None:
        pass


class Awaited:
    """As `carrying.Arrival`, without pinned memory: each tensor is waited for where it is asked for."""

    def __init__(self, tensors: list[torch.Tensor]) -> None:
        self._tensors = [tensor.cpu() for tensor in tensors]

    def taken(self) -> list[torch.Tensor]:
        """The tensors."""
        return self._tensors


@contextlib.contextmanager
def unpinned() -> Iterator[None]:
    """What goes to a card and comes from it does without pinned memory, and is waited for."""

    def sent(numbers: Any, place: torch.device) -> torch.Tensor:
        return torch.from_numpy(np.array(numbers)).to(place)

    with (
        mock.patch.object(flowing, "Arrival", Awaited),
        mock.patch.object(upscaling, "Arrival", Awaited),
        mock.patch.object(pixels, "sent", sent),
    ):
        yield


def amounts(device: torch.device, args: argparse.Namespace) -> None:
    """Print what each network makes of each amount, and what it chose by itself."""
    print(f"\nAmounts, {args.width} x {args.height} px, median of {args.repeat} (megapixels in a second, of the photo)")
    if device.type == "cuda":
        _amounts(device, args)
        return
    print("  rehearsed: the processor is a card of 16 GB without our own kernels, whose speed says nothing")
    with mock.patch.object(kernel, "level", return_value=0), PretendedCard(16 * GB):
        _amounts(device, args)


def _amounts(device: torch.device, args: argparse.Namespace) -> None:
    photo, small = noisy(args.height, args.width), noisy(*((24, 32) if args.small else SMALL_PHOTO))
    powers = range(0, (MOST // LEAST).bit_length(), 3 if args.small else 1)
    for name, make in _models(device, args.small).items():
        print(f"  {name}")
        began, seen = time.perf_counter(), {}
        want = None
        for amount in (LEAST << power for power in powers):
            if time.perf_counter() - began > LONGEST_SEARCH:
                print(f"    {amount} pixels and more at once are passed over: there is no time for them")
                break
            model = make(Fixed(amount))
            seen[amount], made = _rate(device, model, photo, args.repeat)
            print(f"    {amount:8} pixels at once {seen[amount]:9.2f} MP/s", flush=True)
            want = made if want is None else want
            alike("    the same picture", made, want, mean=0.5, most=4)
        model = make(AtOnce(CARD_PIXELS))
        for _ in range(1 if args.small else 8 * TRIES):
            if time.perf_counter() - began > 2 * LONGEST_SEARCH:
                break
            model.upscale(photo)
        rate, _ = _rate(device, model, photo, args.repeat)
        best = max(seen.values())
        said = f"    {model.at_once:8} pixels, chosen  {rate:9.2f} MP/s, {rate / best:.2f} of the best"
        promise(args.small or rate > 0.8 * best, said)
        print(f"    a photo of {small.shape[1]} x {small.shape[0]} px {_rate(device, model, small, args.repeat)[0]:12.2f} MP/s")
        with unpinned():
            plainly, _ = _rate(device, model, photo, args.repeat)
        print(f"    without pinned memory {plainly:13.2f} MP/s, pinned {rate / plainly:.2f} times", flush=True)
        _calls(device, model, photo)


def _models(device: torch.device, small: bool) -> dict[str, Callable[[AtOnce], UpscalingModel]]:
    """Networks by name, each made with an amount."""
    dtype = torch.float16 if device.type == "cuda" else torch.float32
    found: dict[str, Callable[[AtOnce], UpscalingModel]] = {}
    for name, (config, kind, fast) in networks().items():
        if not (small and "RRDB" in name):
            plain = filled(kind(config))
            found[name] = lambda amount, plain=plain, fast=fast: model_of(plain, fast, device, dtype, amount)  # type: ignore[misc]
    config = SRResNetConfig(8 if small else 64, 2 if small else 16, 2, normed=True)
    network = filled(SRResNet(config))
    tensors = {key: tensor.abs() + 0.5 if "running_var" in key else tensor for key, tensor in network.state_dict().items()}
    runtime = Runtime(device, torch.float32)  # as Ganvas runs it; whole tiles, several a batch
    card = Card("x", "x", "upscaling", "x", scale=config.scale)
    found["SRResNet x4, tiles of 128 px"] = lambda amount: UpscalingModel(
        card, lambda where: FastSRResNet(config, tensors, where), runtime, amount
    )
    return found


def _rate(device: torch.device, model: UpscalingModel, photo: Any, repeat: int) -> tuple[float, Any]:
    """Megapixels of the photo in a second, from bytes to bytes, and the picture."""
    made = model.upscale(photo)  # the first warms up
    seconds = statistics.median(waited(device, lambda: model.upscale(photo))[0] for _ in range(repeat))
    return photo.shape[0] * photo.shape[1] / 1e6 / seconds, made


def _calls(device: torch.device, model: UpscalingModel, photo: Any) -> None:
    """How long it takes to tell a card what to do, and until it is done: where both are alike, the card waits for the calls, and
    a CUDA graph, which tells it all at once, would pay."""
    if device.type != "cuda":
        print("    calls are passed over: without a card nothing is done later than it is called")
        return
    network: Any = model._precise.network
    x = torch.from_numpy(photo.astype(np.float32).transpose(2, 0, 1) / 255)[None][:, :, :512, :512].to(device)
    with torch.inference_mode():
        for _ in range(3):
            wait(device)
            began = time.perf_counter()
            for _ in network.bands(x) if hasattr(network, "bands") else network.enlarge(x):
                pass
            called = time.perf_counter() - began
            wait(device)
            done = time.perf_counter() - began
    print(
        f"    a tile of {x.shape[3]} x {x.shape[2]} px: called in {called * 1e3:.1f} ms, done in {done * 1e3:.1f} ms", flush=True
    )
