"""What was fitted to one model's weights besides its directions: the mean of its latents, and preview heads."""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from safetensors.torch import load_file

from models.latents.directions import fitted_folder


def fitted_average(sha256: str) -> torch.Tensor | None:
    """The mean latent `[w_dim]` of 50,000 seeds of the model of this sha256, or None."""
    folder = fitted_folder(sha256)
    return None if folder is None else load_file(folder / "directions.safetensors")["average"]


def preview_heads(sha256: str, widths: Mapping[int, int], w_dim: int) -> dict[int, dict[str, torch.Tensor]]:
    """Heads that make a small picture of a hidden state, by the state's side in pixels; empty where none were fitted.

    A card may claim any sha256: those that do not fit hidden states of such channels, by side, are left out.
    """
    folder = fitted_folder(sha256)
    heads = {}
    for path in sorted(folder.glob("preview-*.safetensors")) if folder else ():
        side = re.fullmatch(r"preview-(\d+)\.safetensors", path.name)
        if side is not None:
            head = load_file(path)
            if (widths.get(int(side[1])), w_dim) == (head["conv_a.weight"].shape[1], head["m.weight"].shape[1]):
                heads[int(side[1])] = head
    return heads
