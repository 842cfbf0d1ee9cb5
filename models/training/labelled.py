"""Photos with label maps: found, checked, decoded, and cut into training squares.

`photos/NAME.*` and `maps/NAME.png` (8 bit; the pixel's number is the label, 255 is unlabelled), `labels.json` (id, name, colour)
and, where there is one, `index.csv` (name, split, licence_class, labels): the layout that SOURCE.md of the data describes.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from models.card import Label
from models.errors import BadInput
from models.labels import UNLABELLED, nearest_source
from models.training.cache import PictureCache, cached
from models.training.source import Source

SHORTEST = 64  # pixels; a smaller photo teaches nothing
LONGEST_RATIO = 4.0
_STORED_SHORT = 288  # the short side at which photos are kept: enough for squares of 256 pixels with some play
Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Problem:
    """A file that was left out, and why."""

    name: str
    reason: str


def why_unread(error: Exception) -> str:
    """Why a picture was left out, in words that follow its name. A plain ValueError says it itself."""
    if isinstance(error, UnidentifiedImageError):
        return "is no picture that can be read"
    if isinstance(error, Image.DecompressionBombError):
        return "claims far more pixels than a photo has"
    if isinstance(error, OSError) and error.strerror:
        return f"cannot be read: {error.strerror}"
    return str(error) if type(error) is ValueError else "is broken, or cut off"


@dataclass(frozen=True, eq=False)
class LabelledPhotos:
    """Decoded photos `[h, w, 3]` and maps `[h, w]` (channel numbers, no hole left), with the split they belong to.

    `by_hand` are those whose maps the index says a person made.
    """

    labels: tuple[Label, ...]
    photos: PictureCache
    maps: PictureCache
    train: tuple[int, ...]
    held_out: tuple[int, ...]
    problems: tuple[Problem, ...]
    by_hand: frozenset[int] = frozenset()

    def shares(self) -> NDArray[np.float64]:
        """Share of pixels of each label in each photo, `[photos, labels]`."""
        count = len(self.labels)
        return np.stack([np.bincount(self.maps[i].ravel(), minlength=count) / self.maps[i].size for i in range(len(self.maps))])


def read_labelled(path: Path, cache: Path, open_only: bool = False) -> LabelledPhotos:
    """Read the data of `path`, decoding into `cache` where that was not done before. `BadInput` where nothing can be used.

    Every 20th photo is held out where no index says which, the last one where that is none: without any nothing could be shown of
    a run. `open_only` keeps photos of licence class "open" alone for training.
    """
    source = Source(path)
    described = source.find("labels.json")
    if described is None:
        raise BadInput(f"There is no labels.json in {path}.", "It names the labels of the maps.", "See docs/training.md.")
    labels = read_labels(source.read(described))
    index = _index(source)
    maps, photos = (_by_stem(source, folder) for folder in ("maps", "photos"))
    names = sorted(photos.keys() & maps.keys())
    problems = [Problem(photos[stem], "has no map") for stem in sorted(photos.keys() - maps.keys())]
    twice = [n for n in source.photos() if PurePosixPath(n).parent.name == "photos" and photos[PurePosixPath(n).stem] != n]
    problems += [Problem(n, f"has the same name as {photos[PurePosixPath(n).stem]}") for n in twice]
    channel = np.full(256, UNLABELLED, np.uint8)
    for number, label in enumerate(labels):
        channel[label.id] = number
    ids = [label.id for label in labels]  # the maps are kept as numbers of these
    known = [str(path.resolve()), path.stat().st_mtime, names, _STORED_SHORT, ids]
    key = hashlib.sha256(json.dumps(known).encode()).hexdigest()

    def decoded(kind: str) -> Iterator[tuple[Pixels, dict[str, object]]]:
        for stem in names:
            try:
                photo, label_map = _pair(source.read(photos[stem]), source.read(maps[stem]), channel)
            except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
                if kind == "photos":
                    problems.append(Problem(photos[stem], why_unread(error)))
                continue
            yield (photo if kind == "photos" else label_map), {"name": stem}

    kept_photos = cached(cache / "photos", key, decoded("photos"))
    kept_maps = cached(cache / "maps", key, decoded("maps"))
    kept = [str(note["name"]) for note in kept_photos.notes]
    problems += [
        Problem(photos[stem], "was left out when the photos were decoded")
        for stem in sorted(set(names) - set(kept) - {PurePosixPath(p.name).stem for p in problems})
    ]
    if not kept:
        raise BadInput(f"No photo of {path} can be used.", problems[0].reason if problems else "There are no photos with maps.")
    held_out = tuple(i for i, n in enumerate(kept) if (index[n][0] == "val" if n in index else i % 20 == 19)) or (len(kept) - 1,)
    free = frozenset(i for i, n in enumerate(kept) if n in index and index[n][1] == "open")
    by_hand = frozenset(i for i, n in enumerate(kept) if n in index and index[n][2] == "human")
    train = tuple(i for i in range(len(kept)) if i not in set(held_out) and (not open_only or i in free))
    if not train:
        raise BadInput(f"No photo of {path} is left for training.", "All are held out, or of another licence.")
    return LabelledPhotos(labels, kept_photos, kept_maps, train, held_out, tuple(problems), by_hand)


def _by_stem(source: Source, folder: str) -> dict[str, str]:
    """The photos of the folders of this name, by their own names without the ending; of several the first."""
    found: dict[str, str] = {}
    for name in source.photos():
        if PurePosixPath(name).parent.name == folder:
            found.setdefault(PurePosixPath(name).stem, name)
    return found


def read_labels(text: bytes) -> tuple[Label, ...]:
    """Labels of a `labels.json`; `BadInput` where it is none."""
    try:
        labels = tuple(Label(int(x["id"]), str(x["name"]), tuple(int(v) for v in x["colour"])) for x in json.loads(text))  # type: ignore[arg-type]
        if not labels or len({label.id for label in labels}) < len(labels) or any(not 0 <= x.id < 255 for x in labels):
            raise ValueError("ids must be different numbers from 0 to 254")
    except (ValueError, TypeError, KeyError) as error:
        raise BadInput("labels.json cannot be read.", f"{error}.", "It is a list of id, name and colour.") from error
    return labels


def _index(source: Source) -> dict[str, tuple[str, str, str]]:
    """Split, licence class and who made the map ("" where it is not said) by name."""
    name = source.find("index.csv")
    if name is None:
        return {}
    rows = csv.DictReader(io.StringIO(source.read(name).decode("utf-8", "replace")))
    return {
        PurePosixPath(r["name"]).stem: (r.get("split") or "", r.get("licence_class") or "", r.get("labels") or "")
        for r in rows
        if r.get("name")
    }


def _pair(photo_bytes: bytes, map_bytes: bytes, channel: Pixels) -> tuple[Pixels, Pixels]:
    """Photo and map at the stored size; ValueError says what is wrong with them."""
    photo = Image.open(io.BytesIO(photo_bytes)).convert("RGB")
    label_map = Image.open(io.BytesIO(map_bytes))
    if label_map.mode not in ("P", "L"):
        raise ValueError(f"its map has the mode {label_map.mode}, not 8 bit")
    if label_map.size != photo.size:
        raise ValueError(f"its map has {label_map.size} pixels, the photo {photo.size}")
    if min(photo.size) < SHORTEST or max(photo.size) > LONGEST_RATIO * min(photo.size):
        raise ValueError(f"{photo.width} x {photo.height} pixels are too small or too long")
    factor = min(1.0, _STORED_SHORT / min(photo.size))
    size = (round(photo.width * factor), round(photo.height * factor))
    numbers = channel[np.asarray(label_map.resize(size, Image.Resampling.NEAREST))]
    known = numbers != UNLABELLED
    if known.mean() < 0.5:
        raise ValueError("more than half of its map is unlabelled")
    if not known.all():
        rows, columns = nearest_source(known)
        numbers = numbers[rows, columns]
    return np.asarray(photo.resize(size, Image.Resampling.LANCZOS)), numbers


def square(
    photo: Pixels, label_map: Pixels, side: int, rng: np.random.Generator | None = None, zoom: float = 1.0, finer: int = 1
) -> tuple[Pixels, Pixels]:
    """A square of photo and map brought to `side` pixels, `[side, side, 3]` and, `finer` times as fine, `[side, side]`.

    Drawn at random with mirror and `zoom` (the smallest part of the short side), or the middle one where `rng` is None.
    """
    height, width = label_map.shape
    cut = min(height, width)
    if rng is not None:
        cut = max(min(side, cut), int(cut * rng.uniform(zoom, 1.0)))
        top, left = int(rng.integers(0, height - cut + 1)), int(rng.integers(0, width - cut + 1))
    else:
        top, left = (height - cut) // 2, (width - cut) // 2
    box = (left, top, left + cut, top + cut)
    here = np.s_[top : top + cut, left : left + cut]
    pixels, numbers = photo[here], label_map[here]
    if cut != side:
        pixels = np.asarray(Image.fromarray(photo).resize((side, side), Image.Resampling.LANCZOS, box=box))
    if cut != side * finer:
        numbers = np.asarray(Image.fromarray(label_map).resize((side * finer, side * finer), Image.Resampling.NEAREST, box=box))
    if rng is not None and rng.random() < 0.5:
        pixels, numbers = pixels[:, ::-1], numbers[:, ::-1]
    return np.ascontiguousarray(pixels), np.ascontiguousarray(numbers)
