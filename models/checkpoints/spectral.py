"""Spectral norms in a file, folded: a weight divided by the size that the file's own vectors measure (Miyato et al., 1802.05957).

The vectors are used as they are stored. They need not be the singular vectors yet, and the network was taught with what they
say.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

from models.checkpoints.state_dicts import Tensors
from models.errors import CheckpointError


def folded(found: Tensors) -> Tensors:
    """The tensors with every spectrally normalised weight replaced by the weight that it stands for."""
    result: Tensors = {}
    for name, tensor in found.items():
        if name.endswith("weight_orig"):
            base = name.removesuffix("_orig")
            result[base] = tensor / _size(tensor, found.get(f"{base}_u"), found.get(f"{base}_v"), base)
        elif name.endswith("parametrizations.weight.original"):
            base = name.removesuffix(".original")
            short = name.removesuffix("parametrizations.weight.original") + "weight"
            result[short] = tensor / _size(tensor, found.get(f"{base}.0._u"), found.get(f"{base}.0._v"), short)
        elif not name.endswith(("weight_u", "weight_v", ".0._u", ".0._v")):
            result.setdefault(name, tensor)
    return result


def _size(weight: torch.Tensor, u: torch.Tensor | None, v: torch.Tensor | None, name: str) -> torch.Tensor:
    """u . W v, with W the weight as a matrix of one row for each output; before torch 1.1 no v was stored."""
    matrix = weight.float().flatten(1)
    if u is None or u.shape != matrix.shape[:1] or (v is not None and v.shape != matrix.shape[1:]):
        raise CheckpointError("The file is damaged.", f"The spectral norm of {name[:80]} does not fit its weight.")
    right = F.normalize(matrix.T @ u.float(), dim=0, eps=1e-12) if v is None else v.float()
    return torch.dot(u.float(), matrix @ right)
