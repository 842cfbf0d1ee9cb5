"""Directions that lie beside a model's weights, as `benchmarks/directions.py` writes them: found, held against the model, read.

They are a stranger's files, as the model is: their size is bounded, links are not followed, every row is checked. Whoever gave a
model sliders expects them, so damaged ones are told of, and other directions never take their place unsaid.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from models.catalogue import DIRECTIONS, VECTORS
from models.checkpoints.safetensors_reader import read_safetensors
from models.checkpoints.source import Source
from models.errors import CheckpointError
from models.latents.directions import Direction, Floats

LARGEST_DIRECTIONS, LARGEST_VECTORS = 1 << 20, 64 << 20  # bytes; eight sliders of 128 px portraits take 6 kB and 100 kB
MOST = 200  # sliders; a window of more is of no use to anybody
FARTHEST = 20.0  # deviations; a recipe tells of no more
LONGEST_NAME, LONGEST_REMARK = 80, 1000  # letters


def files_beside(source: Source, sha256: Callable[[], str]) -> dict[str, bytes]:
    """The two files by name, where they are of the model of this sha256; empty where there are none, or another model's.

    `CheckpointError` where that cannot be told, or one is there without the other. `sha256` is asked only where it matters.
    """
    with _told():
        described = source.small(DIRECTIONS, LARGEST_DIRECTIONS)
        if described is None or _model_of(_parsed(described)) != sha256():
            return {}
        vectors = source.small(VECTORS, LARGEST_VECTORS)
        if vectors is None:
            raise ValueError(f"{VECTORS} is not beside {DIRECTIONS}.")
    return {DIRECTIONS: described, VECTORS: vectors}


def directions_in(files: Mapping[str, bytes], num_ws: int, w_dim: int) -> tuple[Direction, ...]:
    """The directions of what `files_beside` found, for a model of so many latents; `CheckpointError` where they don't fit it."""
    with _told():
        rows = _rows(_parsed(files[DIRECTIONS]))
        steps = _steps(files[VECTORS], len(rows), w_dim)
        found = tuple(
            _direction(number, row, step, num_ws) for number, (row, step) in enumerate(zip(rows, steps, strict=True), 1)
        )
        names = [one.name for one in found]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"In {DIRECTIONS} two sliders are called {twice}.")
    return found


@contextmanager
def _told() -> Iterator[None]:
    """A reason, given as a `ValueError`, becomes what a person is told."""
    try:
        yield
    except ValueError as error:
        raise CheckpointError(
            "The model's sliders cannot be used.",
            str(error),
            f"Remove {DIRECTIONS} from its folder and open it without them, or find its directions anew.",
        ) from error


def _parsed(described: bytes) -> Any:
    try:
        return json.loads(described)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{DIRECTIONS} is damaged: it is no JSON.") from error


def _model_of(described: Any) -> str | None:
    model = described.get("model") if isinstance(described, dict) else None
    return model if isinstance(model, str) and model else None


def _rows(described: Any) -> list[Any]:
    rows = described.get("directions")
    if not isinstance(rows, list):
        raise ValueError(f"{DIRECTIONS} has no list of directions.")
    if len(rows) > MOST:
        raise ValueError(f"{DIRECTIONS} has {len(rows):,} directions, and at most {MOST} are shown.")
    return rows


def _steps(vectors: bytes, rows: int, w_dim: int) -> Floats:
    """`[rows, w_dim]` or `[rows, layers, w_dim]`, finite, in memory of its own."""
    try:
        found = read_safetensors(Source(VECTORS, vectors)).tensors.get("steps")
    except CheckpointError as error:
        raise ValueError(f"{VECTORS} is damaged. {error.why}") from error
    except (TypeError, ValueError, KeyError, IndexError, OverflowError, RecursionError) as error:
        raise ValueError(f"{VECTORS} is damaged.") from error
    if found is None:
        raise ValueError(f"{VECTORS} has no steps.")
    if not found.is_floating_point() or found.ndim not in (2, 3):
        raise ValueError(f"The steps in {VECTORS} are no table of numbers.")
    if len(found) != rows:
        raise ValueError(f"{DIRECTIONS} has {rows:,} directions, but {VECTORS} has {len(found):,} steps.")
    if found.shape[-1] != w_dim:
        raise ValueError(f"The steps in {VECTORS} have {found.shape[-1]:,} numbers, but the model's latents have {w_dim:,}.")
    steps: Floats = found.float().clone().numpy()
    if not np.isfinite(steps).all():
        raise ValueError(f"The steps in {VECTORS} hold numbers that are not finite.")
    return steps


def _direction(number: int, row: Any, step: Floats, num_ws: int) -> Direction:
    """Of the row of this number and its step, `[w_dim]` or `[layers, w_dim]`: of the latter the layers that it acts on."""
    which = f"In {DIRECTIONS} slider {number}"
    if not isinstance(row, dict):
        raise ValueError(f"{which} is no description.")
    name, title, remark = (_text(which, row, key) for key in ("name", "title", "remark"))
    if not name or not title or "=" in name or name.startswith("principal-"):  # those are the principal directions' own
        raise ValueError(f"{which} has a name or a title that no slider can have.")
    low, high = _number(row.get("low")), _number(row.get("high"))
    if low is None or high is None or not -FARTHEST <= low < 0 < high <= FARTHEST:
        raise ValueError(f"{which} does not run from a number below 0 to one above it, within {FARTHEST:g} deviations.")
    first, last = row.get("first"), row.get("last")
    if type(first) is not int or type(last) is not int or not 0 <= first <= last:
        raise ValueError(f"{which} does not say the first and the last layer that it acts on.")
    if last >= num_ws:
        raise ValueError(f"{which} acts on layers up to {last}, but the model's last one is {num_ws - 1}.")
    if step.ndim == 2 and last >= len(step):
        raise ValueError(f"{which} acts on layers up to {last}, but {VECTORS} has steps for {len(step)} only.")
    return Direction(name, title, remark, low, high, first, last, step if step.ndim == 1 else step[first : last + 1])


def _text(which: str, row: Mapping[str, Any], key: str) -> str:
    value, longest = row.get(key), LONGEST_REMARK if key == "remark" else LONGEST_NAME
    if not isinstance(value, str) or not value.isprintable() or len(value) > longest:
        raise ValueError(f"{which} has a {key} that is no line of text, or too long.")
    return value.strip()


def _number(value: Any) -> float | None:
    """A finite number that JSON gave; None for anything else."""
    try:
        return float(value) if type(value) in (int, float) and math.isfinite(value) else None
    except OverflowError:  # JSON sets integers no limit
        return None
