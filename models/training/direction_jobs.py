"""Named directions for a trained generator, from pictures whose attributes are known: read, find, write beside the model."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor

from models.card import Card
from models.catalogue import CARD, DIRECTIONS, VECTORS, WEIGHTS
from models.checkpoints.families.stylegan2 import assemble
from models.latent import LatentModel
from models.latents.gradients import way_into
from models.precision import Runtime
from models.training.attribute_reader import Reader, describe, fit_reader
from models.training.direction_ranges import FARTHER, RealPictures, ends, outward
from models.training.latent_directions import ALONE, ENOUGH, STEPS, Found, find_directions
from models.training.layered_directions import Gains
from models.training.pixel_reader import PixelReader, shaken, taught_reader
from models.training.portrait_attributes import Attribute, read_attributes
from models.training.source import Source
from models.training.squares import Squares
from models.training.trunk import read_trunk

_PSI = 0.7  # what Explore opens with: a slider's ends are found there
_TOGETHER = 64
_FRESH = 128  # pictures that what the chosen directions do is measured on
_FINDERS, _PASSES = 2, 24  # networks that layered directions are sought with, and how often each sees every real picture
_GRADIENTS = 64  # pictures whose gradients are taken
Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Named:
    """Directions of a model by attribute, with how well the attributes are read from real pictures (correlations).

    `farther[k]`, of those that move their attribute `k` enough: how much farther from real pictures each step leads (`outward`).
    """

    attributes: tuple[Attribute, ...]
    found: tuple[Found, ...]
    held_out: tuple[float, ...]
    farther: Mapping[int, Mapping[float, float]]


def generator_in(folder: Path) -> LatentModel:
    """The generator in a model folder, in float32 on the processor."""
    card = Card.from_json((folder / CARD).read_bytes())
    return assemble(card, load_file(folder / WEIGHTS), Runtime(torch.device("cpu"), torch.float32))


def reader_of(data: Squares, source: Source, attributes: Sequence[Attribute]) -> Reader:
    """A reader of these attributes, fitted to real pictures."""
    trunk = read_trunk().eval()
    pictures = [
        torch.from_numpy(data.pixels[i : i + _TOGETHER]).float() / 127.5 - 1 for i in range(0, len(data.pixels), _TOGETHER)
    ]
    described, mirrored = [], []
    for some in pictures:
        upright = some.permute(0, 3, 1, 2)
        described.append(describe(trunk, upright))
        mirrored.append(describe(trunk, upright.flip(3)))
    values = read_attributes(source, data.names, attributes)
    return fit_reader(np.concatenate(described), np.concatenate(mirrored), values, [a.turns for a in attributes])


def finders_of(data: Squares, source: Source, attributes: Sequence[Attribute]) -> tuple[PixelReader, ...]:
    """Networks that read these attributes off pixels, for seeking directions that the reader then judges."""
    values, turns = read_attributes(source, data.names, attributes), [a.turns for a in attributes]
    return tuple(taught_reader(data.pixels, values, turns, seed, _PASSES) for seed in range(_FINDERS))


def layered_gains(model: LatentModel, finders: Sequence[PixelReader], w: Floats) -> Gains:
    """What each latent of a generator does to what the finders read, of latents `w [N, w_dim]`."""
    way = way_into(model)

    def read(pictures: Tensor) -> Tensor:
        return torch.stack([finder(shaken(pictures)) for finder in finders]).mean(0)  # so that no single pixel tells

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Gains.of(lambda ws: way.picture(ws).clamp(-1, 1), read, w, model.num_ws, _GRADIENTS)


def name_directions(
    model: LatentModel,
    reader: Reader,
    finders: Sequence[PixelReader],
    data: Squares,
    attributes: Sequence[Attribute],
    samples: int,
    seed: int = 1,
) -> Named:
    """Measure `samples` pictures of the model, find one direction for each attribute, and how far its pictures can be moved
    along it before they leave the real ones, `data`."""
    trunk = read_trunk().eval()

    def measure(ws: Floats) -> NDArray[np.float64]:
        return np.concatenate([reader.read(describe(trunk, made)) for made in _pictures(model, ws)])

    random = np.random.RandomState(seed)
    z, unseen = (random.randn(count, model.z_dim).astype(np.float32) for count in (samples, _FRESH))
    w: Floats = model.map(z)[:, 0]
    gains = layered_gains(model, finders, w)
    found = tuple(find_directions(w, model.map(unseen)[:, 0], measure, model.num_ws, gains.steps))
    real, start = RealPictures.of(trunk, data.pixels), model.map(z[:_TOGETHER], psi=_PSI)

    def farther(one: Found) -> dict[float, float]:
        def distance(sigmas: float) -> float:
            ws = start.copy()
            ws[:, one.first : one.last + 1] += np.float32(sigmas) * one.step
            return real.distance(trunk, torch.cat(list(_pictures(model, ws))))

        return outward(distance)

    return Named(tuple(attributes), found, reader.held_out, {one.attribute: farther(one) for one in found if one.own >= ENOUGH})


def _pictures(model: LatentModel, ws: Floats) -> Iterator[Tensor]:
    """Pictures -1..1 of `ws`, some at a time."""
    for start in range(0, len(ws), _TOGETHER):
        yield torch.from_numpy(model.synthesize(ws[start : start + _TOGETHER])).clamp(-1, 1)


def write_directions(folder: Path, named: Named) -> None:
    """Write the directions that move their attribute beside the model in `folder`, bound to its weights.

    The card's sha256 becomes that of the weights, by which the directions are found.
    """
    digest = hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()
    shown = [one for one in named.found if one.own >= ENOUGH]
    rows = [_row(one, named) for one in shown]
    described = {
        "model": digest,
        "remark": "Found by `models.training.latent_directions`: a step is one deviation of the latents along it; effects are "
        f"of {STEPS:g} steps, in deviations of what a regressor reads from the model's pictures. A slider ends where the worst "
        f"tenth of moved pictures (psi {_PSI}) lies more than {FARTHER:g} times as far from real ones as unmoved ones do.",
        "directions": rows,
        "effects": {named.attributes[one.attribute].name: _effects(one, named) for one in named.found},
        "farther": {
            named.attributes[k].name: {f"{sigmas:+.1f}": round(far, 2) for sigmas, far in tried.items()}
            for k, tried in named.farther.items()
        },
        "reader": {a.name: round(r, 3) for a, r in zip(named.attributes, named.held_out, strict=True)},
    }
    save_file({"steps": torch.from_numpy(_steps(shown, named.found[0].step.shape[-1]))}, folder / VECTORS)
    (folder / VECTORS).chmod(0o644)
    _replace(folder / DIRECTIONS, json.dumps(described, indent=1) + "\n")
    card = json.loads((folder / CARD).read_text(encoding="utf-8"))
    _replace(folder / CARD, json.dumps({**card, "sha256": digest}, indent=1, ensure_ascii=False) + "\n")


def _steps(shown: Sequence[Found], w_dim: int) -> Floats:
    """`[directions, w_dim]`, or `[directions, layers, w_dim]` where one moves each layer its own way (none: zeros)."""
    if all(one.step.ndim == 1 for one in shown):
        return np.stack([one.step for one in shown]) if shown else np.zeros((0, w_dim), np.float32)
    steps = np.zeros((len(shown), max(one.last for one in shown) + 1, w_dim), np.float32)
    for row, one in zip(steps, shown, strict=True):
        row[one.first : one.last + 1] = one.step
    return steps


def _row(one: Found, named: Named) -> dict[str, Any]:
    attribute = named.attributes[one.attribute]
    along = [named.attributes[k].title.lower() for k in one.comes_along()]
    low, high = ends(named.farther[one.attribute])
    remark = attribute.remark + (f" In these pictures it cannot be parted from: {', '.join(along)}." if along else "")
    return {
        "name": attribute.name,
        "title": attribute.title,
        "remark": remark,
        "low": low,
        "high": high,
        "first": one.first,
        "last": one.last,
    }


def _effects(one: Found, named: Named) -> dict[str, float | bool]:
    effects: dict[str, float | bool] = {a.name: round(float(e), 2) for a, e in zip(named.attributes, one.effects, strict=True)}
    return {**effects, "moves": one.own >= ENOUGH, "alone": one.spill < ALONE}


def _replace(path: Path, text: str) -> None:
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8")
    os.replace(part, path)
