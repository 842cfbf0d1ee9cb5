"""A narrow landscape generator as the beginning of a wider one that paints the same (Net2Net, arXiv 1511.05641).

What is new is drawn at random and what was there does not listen to it yet, so that the first picture is the narrow one's and
every step may use what is new.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from models.errors import BadInput
from models.networks.landscape import LandscapeGenerator

_HALVES = ("look_up.weight", "look_up.bias", "place.weight")  # scale above, shift below


def wider(network: LandscapeGenerator, known: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors for `network` that do what those of a generator with fewer channels a level did.

    `BadInput` where `known` are not those of such a one: with as many labels and levels, and none of these wider.
    """
    found = {}
    state = network.state_dict()
    for name, own in state.items():
        old = known.get(name)
        if old is None and name.endswith("skip.weight"):  # the level had as many channels as the one before
            count = len(known[f"{name.removesuffix('skip.weight')}conv2.weight"])
            old = torch.eye(count)[:, :, None, None]
        if old is None or old.ndim != own.ndim or any(a > b for a, b in zip(old.shape, own.shape, strict=True)):
            raise _other(name)
        new = own.clone()
        pieces = zip(new.chunk(2), old.chunk(2), strict=True) if name.endswith(_HALVES) else [(new, old)]
        for place, values in pieces:
            if values.ndim > 1:
                place[: len(values)] = 0
            place[tuple(slice(0, n) for n in values.shape)] = values.to(place)
        found[name] = new
    lost = sorted(known.keys() - state.keys())  # a way around a level whose channels became as many as those before
    if lost or known["label_codes"].shape != state["label_codes"].shape:
        raise _other(lost[0] if lost else "label_codes")
    return found


def _other(name: str) -> BadInput:
    hint = "Begin from a run with as many labels and levels, none of them wider."
    return BadInput("That run is no narrower one of the same kind.", f"Its {name} has no place in a wider one.", hint)


def is_narrower(network: nn.Module, known: Mapping[str, Tensor]) -> bool:
    """Whether `known` are tensors of a generator of which some level has fewer channels than those of `network`, none more."""
    own = network.state_dict()
    sizes = [(len(known[name]), len(own[name])) for name in own if name.endswith("conv2.weight") and name in known]
    return (
        len(sizes) == sum(name.endswith("conv2.weight") for name in own)
        and all(a <= b for a, b in sizes)
        and any(a < b for a, b in sizes)
    )


def hold_widths(network: nn.Module, known: Mapping[str, Tensor]) -> None:
    """`BadInput` where a level that both have has another number of channels in `known`: what it learnt would be lost."""
    for name, own in network.state_dict().items():
        if name.endswith("conv2.weight") and name in known and len(known[name]) != len(own):
            raise BadInput(
                "That run has levels of another width than this one, and what they learnt would be lost.",
                f"Its {name.removesuffix('.conv2.weight')} has {len(known[name])} channels, here it would have {len(own)}.",
                "Give the --channels that it has. Wider levels are one run, a level more (--detail) is another.",
            )
