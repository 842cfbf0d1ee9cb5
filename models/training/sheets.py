"""Sample sheets: what a painter makes of held-out maps and of maps drawn by hand, beside the maps and the photos."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from models.card import Label
from models.labels import label_shares, nearest_source
from models.networks.landscape import noise_planes
from models.training.labelled import square
from models.training.painting import PaintingRun, to_shares, to_tensor

Pixels = NDArray[np.uint8]
T = TypeVar("T")


def coloured(numbers: Pixels, labels: tuple[Label, ...]) -> Pixels:
    """A map of channel numbers in the labels' colours, `[H, W, 3]`."""
    return np.array([label.colour for label in labels], np.uint8)[numbers]


def as_pictures(rgb: torch.Tensor) -> Pixels:
    """`[N, 3, H, W]`, -1..1, to uint8 `[N, H, W, 3]`."""
    pictures: Pixels = ((rgb.float().clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).cpu().numpy()
    return pictures


def held_out_sheet(run: PaintingRun, rows: int, seed: int = 5) -> Pixels:
    """`rows` held-out maps: map, photo, the photo's look, the looks of two training photos (the same ones in every sheet)."""
    data, side = run.data, run.options.native
    chosen = spread(data.held_out, rows)
    pairs = [square(data.photos[i], data.maps[i], side) for i in chosen]
    photos = to_tensor([p for p, _ in pairs], run.device)
    shares = to_shares(np.stack([m for _, m in pairs]), len(data.labels), 1, run.device, torch.float32)
    own = _looks(run, photos)
    others = _training_looks(run, 2 * rows, seed)
    columns = [
        np.stack([coloured(m, data.labels) for _, m in pairs]),
        as_pictures(photos),
        *(as_pictures(painted(run, shares, style)) for style in (own, others[:rows], others[rows:])),
    ]
    return np.concatenate([np.concatenate(list(row), 1) for row in zip(*columns, strict=True)], 0)


def drawn_sheet(run: PaintingRun, maps: Path, looks: Sequence[Path]) -> Pixels:
    """The hand-drawn maps of a folder (palette PNG), each painted with the looks of the same photos."""
    styles = [_look_of_file(run, path) for path in looks]
    rows = []
    for path in sorted(maps.glob("*.png")):
        numbers = _as_channels(np.asarray(Image.open(path)), run.data.labels)
        height, width = numbers.shape
        step = run.config.multiple
        size = (run.options.native * height // width // step * step, run.options.native // step * step)
        shares = torch.from_numpy(label_shares(numbers, range(len(run.data.labels)), size, None))[None].to(run.device)
        shares = shares.contiguous(memory_format=torch.channels_last)
        small = np.asarray(Image.fromarray(coloured(numbers, run.data.labels)).resize(size[::-1], Image.Resampling.BOX))
        made = [as_pictures(painted(run, shares, style))[0] for style in styles]
        rows.append(np.concatenate([small, *made], 1))
    return in_two_columns(rows)


def in_two_columns(rows: Sequence[Pixels]) -> Pixels:
    """Pictures `[H, W, 3]` of one size, the first half of them below each other on the left, the others on the right."""
    half = (len(rows) + 1) // 2
    left = np.concatenate(rows[:half], 0)
    if half == len(rows):
        return left
    right = np.concatenate(rows[half:], 0)
    right = np.pad(right, ((0, left.shape[0] - right.shape[0]), (0, 0), (0, 0)))
    return np.concatenate([left, right], 1)


def webp(picture: Pixels, quality: int = 85) -> bytes:
    """A picture as the bytes of a WebP file."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "WEBP", quality=quality, method=6)
    return buffer.getvalue()


def _as_channels(numbers: Pixels, labels: tuple[Label, ...]) -> Pixels:
    channel = np.full(256, 255, np.uint8)
    for k, label in enumerate(labels):
        channel[label.id] = k
    found = channel[numbers]
    if (found == 255).any():
        rows, columns = nearest_source(found != 255)
        found = found[rows, columns]
    return found


def _look_of_file(run: PaintingRun, path: Path) -> torch.Tensor:
    """Style `[1, style_dim]` of a photo in a file, seen at about the size of whole training pictures."""
    photo = Image.open(path).convert("RGB")
    factor = run.options.size / min(photo.size)
    size = (round(photo.width * factor), round(photo.height * factor))
    return run.look_of(to_tensor([np.asarray(photo.resize(size, Image.Resampling.LANCZOS))], run.device))[0]


def _looks(run: PaintingRun, photos: torch.Tensor) -> torch.Tensor:
    small = photos if run.options.native == run.options.size else torch.nn.functional.avg_pool2d(photos, 2)
    return run.look_of(small)[0]


def _training_looks(run: PaintingRun, count: int, seed: int) -> torch.Tensor:
    """Styles `[count, style_dim]` of training photos drawn by `seed`."""
    random = np.random.default_rng(seed)
    chosen = [run.data.train[int(i)] for i in random.choice(len(run.data.train), count, replace=count > len(run.data.train))]
    photos = [square(run.data.photos[i], run.data.maps[i], run.options.native)[0] for i in chosen]
    return _looks(run, to_tensor(photos, run.device))


def painted(run: PaintingRun, shares: torch.Tensor, styles: torch.Tensor) -> torch.Tensor:
    """Pictures `[N, 3, H, W]`, -1..1, of shares `[N, labels, H, W]` in these styles `[N, style_dim]`, with one grain for all."""
    noise = [n.to(run.device) for n in noise_planes(run.config, shares.shape[-2], shares.shape[-1], 0)]
    made: list[Any] = [run.paint(shares[i : i + 1], styles[i : i + 1], noise) for i in range(len(shares))]
    return torch.cat(made)


def spread(of: Sequence[T], count: int) -> list[T]:
    """`count` of them, evenly apart; all where there are no more."""
    return list(of) if len(of) <= count else [of[i * len(of) // count] for i in range(count)]
