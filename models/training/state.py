"""The state of a training run on disk: tensors in safetensors, the rest as JSON in its header. Nothing is pickled.

A state is a nested dict of tensors, lists, numbers, strings and None. Files are written beside their place, flushed and renamed,
so a run that is killed leaves the state before.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from models.errors import BadInput

_TENSOR = "__tensor__"
State = dict[str, Any]


def save_state(path: Path, state: State) -> None:
    """Write a state; the old one stays until the new one is complete."""
    tensors: dict[str, torch.Tensor] = {}
    tree = _without_tensors(state, tensors)
    part = path.with_name(path.name + ".part")
    try:
        save_file(tensors, part, {"state": json.dumps(tree)})
        with open(part, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException:  # a full disk keeps what it had, and gets its room back
        part.unlink(missing_ok=True)
        raise


def load_state(path: Path) -> State:
    """Read a state; `BadInput` where the file is none."""
    try:
        with safe_open(path, framework="pt") as file:
            tree = json.loads((file.metadata() or {})["state"])
            # Copies: what is mapped from a file keeps Windows from putting another in its place.
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118 - not a dict
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise BadInput(f"{path} is not the state of a training run.", f"{error}.", "Start in an empty folder.") from error
    state: State = _with_tensors(tree, tensors)
    return state


def _without_tensors(value: Any, tensors: dict[str, torch.Tensor]) -> Any:
    if isinstance(value, torch.Tensor):
        name = str(len(tensors))
        tensors[name] = value.detach().cpu().contiguous().clone()
        return {_TENSOR: name}
    if isinstance(value, dict):
        return {"items": [[key, _without_tensors(x, tensors)] for key, x in value.items()]}
    if isinstance(value, list | tuple):
        return [_without_tensors(x, tensors) for x in value]
    return value


def _with_tensors(value: Any, tensors: dict[str, torch.Tensor]) -> Any:
    if isinstance(value, dict):
        if _TENSOR in value:
            return tensors[value[_TENSOR]]
        return {key: _with_tensors(x, tensors) for key, x in value["items"]}
    if isinstance(value, list):
        return [_with_tensors(x, tensors) for x in value]
    return value
