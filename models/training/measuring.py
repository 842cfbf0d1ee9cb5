"""What a model's pictures are worth, on photos that were held out: one table a model, each figure beside a floor and a baseline.

The floor is what real pictures reach against other real ones: nothing can be expected to be better. The baseline is what is to be
had without any model: blurred photos, other photos with similar labels, a bicubic filter.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from torch import nn

from models.catalogue import Report, silent
from models.checkpoints.family import to_picture
from models.errors import BadInput
from models.steps import Steps
from models.training import fidelity
from models.training.distributions import NEIGHBOURS, Features, apart
from models.training.inception import Inception
from models.training.labelled import LabelledPhotos, square
from models.training.labelling import channels_of
from models.training.lpips import LPIPS, SMALLEST_SIDE
from models.training.metrics import agreement_of, nearest_photos
from models.training.patches import reduced
from models.training.source import Source
from models.training.squares import Squares

if TYPE_CHECKING:
    from models.labelling import LabellingModel
    from models.latent import LatentModel
    from models.painting import PaintingModel
    from models.upscaling import UpscalingModel

Pixels = NDArray[np.uint8]
BLUR = 2.0  # pixels; what a picture loses that is right but for its detail
PAIRS = 24  # of pictures that are compared by LPIPS, which takes longest


@dataclass(frozen=True)
class Figure:
    """One line: its name, and a value for each column that has one."""

    name: str
    of: dict[str, float]


@dataclass(frozen=True)
class Measured:
    """A table: the columns in order (the model's own first), the lines, and what must be known to read them."""

    columns: tuple[str, ...]
    figures: tuple[Figure, ...]
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Judges:
    """The networks that judge. `labeller` is needed for painters alone, and where they were not trained together."""

    inception: Inception
    lpips: LPIPS
    labeller: LabellingModel | None = None


@dataclass(frozen=True)
class Sizes:
    """How much is measured: `pictures` of a set, `reference` real ones that all sets are held against."""

    pictures: int = 248
    reference: int = 500
    pairs: int = PAIRS


@dataclass
class _Sets:
    """Pictures by column, described as they come, so that none has to be kept."""

    inception: Inception
    report: Report
    total: int
    features: dict[str, Features] = field(default_factory=dict)
    done: int = 0

    def add(self, column: str, count: int, picture: Callable[[int], Pixels]) -> None:
        def each() -> Iterator[Pixels]:
            for i in range(count):
                self.report(self.done, self.total, f"looking at {column}")
                self.done += 1
                yield picture(i)

        self.features[column] = self.inception.of_all(each())

    def figures(self, reference: Features, columns: Sequence[str]) -> list[Figure]:
        found = {column: apart(reference, self.features[column]) for column in columns}
        return [
            Figure("FID", {c: f.fid for c, f in found.items()}),
            Figure("KID x 1000", {c: f.kid for c, f in found.items()}),
            Figure("precision", {c: f.precision for c, f in found.items()}),
            Figure("recall", {c: f.recall for c, f in found.items()}),
        ]


def measured_painter(
    model: PaintingModel, data: LabelledPhotos, judges: Judges, sizes: Sizes, report: Report = silent
) -> Measured:
    """A painter on held-out maps, each painted with the look of its own photo."""
    held = list(data.held_out[: sizes.pictures])
    _enough(len(held), "held-out photos")
    side = max(model.card.resolution, 64)
    labels = [label.name for label in data.labels]
    ids = painter_ids(model, labels)
    pairs = [square(data.photos[i], data.maps[i], side) for i in held]
    nearest = nearest_photos(data, held)
    others = [square(data.photos[i], data.maps[i], side)[0] for i in nearest]
    reference = _drawn([i for i in data.train if i not in set(nearest)], sizes.reference)
    _enough(len(reference), "training photos that are not nearest to a held-out one")

    def paint(k: int, look: Pixels | int | None = None, grain: int = 0) -> Pixels:
        photo, numbers = pairs[k]
        return model.paint(ids[numbers], np.array(photo) if look is None else look, grain)

    painted = []
    for k in range(len(held)):
        report(k, len(held), "painting")
        painted.append(paint(k))
    columns = {"painted": painted, "photos": [p for p, _ in pairs], "nearest photos": others}
    columns["blurred photos"] = [blurred(p) for p, _ in pairs]
    sets = _Sets(judges.inception, report, len(reference) + len(held) * len(columns))
    sets.add("reference", len(reference), lambda i: square(data.photos[reference[i]], data.maps[reference[i]], side)[0])
    for name, pictures in columns.items():
        sets.add(name, len(pictures), pictures.__getitem__)
    figures = sets.figures(sets.features["reference"], list(columns))
    chosen = _drawn(range(len(held)), sizes.pairs)
    report(0, 1, "comparing by LPIPS")
    far = judges.lpips.distance
    to_own = {name: float(np.mean([far(columns[name][k], pairs[k][0]) for k in chosen])) for name in columns if name != "photos"}
    two_looks = [far(paint(k, 2 * k), paint(k, 2 * k + 1)) for k in chosen]
    figures += [
        Figure("LPIPS to the own photo", to_own),
        Figure("LPIPS, two looks of a map", {"painted": float(np.mean(two_looks)), "photos": to_own["nearest photos"]}),
        Figure("LPIPS, two grains", {"painted": float(np.mean([far(painted[k], paint(k, None, 1)) for k in chosen]))}),
    ]
    remarks = [
        f"{len(held)} held-out maps at {side} px, {len(reference)} training photos as reference.",
        "The photos themselves are the floor: real against real.",
        f"LPIPS is shift-tolerant and on {len(chosen)} maps; for two looks, photos are two real ones with similar labels.",
    ]
    if judges.labeller is not None:
        report(0, 1, "labelling")
        say = channels_of(judges.labeller, data.labels)
        maps = [numbers for _, numbers in pairs]
        agreed = {name: agreement_of(zip(made, maps, strict=True), say, len(labels)) for name, made in columns.items()}
        figures.append(Figure("relabelled pixels", {name: a.pixels for name, a in agreed.items()}))
        figures.append(Figure("relabelled, mean of labels", {name: a.mean_label for name, a in agreed.items()}))
        for k, label in enumerate(labels):
            found = {name: float(a.of_label[k]) for name, a in agreed.items()}
            if not any(np.isnan(value) for value in found.values()):
                figures.append(Figure(f"  {label}", found))
        remarks.append(
            "Relabelled: the share of pixels that the labeller calls what the map says. Nearly all maps are automatic, and the"
            " labeller has the frozen features in common with the painter's critic (nothing of what that learnt): it flatters."
        )
    return Measured(tuple(columns), tuple(figures), tuple(remarks))


def measured_latent(model: LatentModel, data: Squares, judges: Judges, sizes: Sizes, report: Report = silent) -> Measured:
    """A latent model beside held-out pictures of its data; of seeds 0, 1, 2 ... at two truncations."""
    held = list(data.held_out[: sizes.pictures])
    _enough(len(held), "held-out pictures")
    reference = _drawn(data.train, sizes.reference)
    count = len(held)

    def made(psi: float) -> Callable[[int], Pixels]:
        return lambda seed: _one(model, seed, psi, data.side)

    columns: dict[str, Callable[[int], Pixels]] = {
        "psi 1": made(1.0),
        "psi 0.7": made(0.7),
        "real": lambda i: data.pixels[held[i]],
        "blurred": lambda i: blurred(data.pixels[held[i]]),
    }
    sets = _Sets(judges.inception, report, len(reference) + count * len(columns))
    sets.add("reference", len(reference), lambda i: data.pixels[reference[i]])
    for name, picture in columns.items():
        sets.add(name, count, picture)
    figures = sets.figures(sets.features["reference"], list(columns))
    random = np.random.default_rng(0)
    pairs = [tuple(random.choice(count, 2, replace=False)) for _ in range(sizes.pairs)]
    report(0, 1, "comparing by LPIPS")
    if data.side >= SMALLEST_SIDE:
        diversity = {
            name: float(np.mean([judges.lpips.distance(columns[name](int(a)), columns[name](int(b))) for a, b in pairs]))
            for name in columns
        }
        figures.append(Figure("LPIPS, two pictures", diversity))
    remark = f"{count} pictures a column at {data.side} px, {len(reference)} training pictures as reference; real is the floor."
    return Measured(
        tuple(columns), tuple(figures), (remark, f"LPIPS is shift-tolerant, on {len(pairs)} pairs: more is more varied.")
    )


def measured_upscaler(model: UpscalingModel, photos: Path, lpips: LPIPS, limit: int, report: Report = silent) -> Measured:
    """An upscaler on photos that were cropped to a multiple of its scale and reduced by a bicubic filter.

    Photos that cannot be read or are too small for the measures are told in a remark; `BadInput` where none is left.
    """
    source = Source(photos)
    names = source.photos()
    chosen = [names[i] for i in _drawn(range(len(names)), limit)]
    rows: dict[str, list[tuple[float, float, float, float]]] = {"model": [], "bicubic": []}
    left_out = []
    for done, name in enumerate(chosen):
        enlarging, comparing = (partial(report, done, len(chosen), f"{doing} {name}") for doing in ("enlarging", "comparing"))
        enlarging()
        try:
            photo = _measurable(source.read(name), model.scale)
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            left_out.append(f"Left out: {name} {error}.")
            continue
        small = np.array(reduced(photo, model.scale))
        truth = photo[: small.shape[0] * model.scale, : small.shape[1] * model.scale]
        enlarged = _told_amid(model.upscale_steps(small), enlarging)
        for column, large in (("model", enlarged), ("bicubic", fidelity.bicubic(small, model.scale))):
            comparing()
            close = fidelity.psnr_y(large, truth, model.scale), fidelity.ssim_y(large, truth, model.scale)
            with _layers_told(lpips, comparing):
                far = lpips.distance(large, truth)
            rows[column].append((*close, far, fidelity.colour_shift(large, truth)))
    if not rows["model"]:
        raise BadInput(f"No photo of {photos} can be measured with.", left_out[0] if left_out else "There are none.")
    means = {column: np.mean(found, 0) for column, found in rows.items()}
    kinds = ("PSNR-Y, dB", "SSIM-Y", "LPIPS", "colour shift, of 255")
    figures = tuple(Figure(name, {c: float(m[k]) for c, m in means.items()}) for k, name in enumerate(kinds))
    remark = f"{len(rows['model'])} photos, x{model.scale}; LPIPS is shift-tolerant."
    return Measured(("model", "bicubic"), figures, (remark, *left_out))


def painter_ids(model: PaintingModel, labels: Sequence[str]) -> NDArray[np.uint8]:
    """The painter's ids of labels by name, `[labels]`; `BadInput` names the first that it does not know."""
    known = {label.name: label.id for label in model.labels}
    for name in labels:
        if name not in known:
            raise BadInput(f"{model.card.title} does not paint {name}, which the data has.")
    return np.array([known[name] for name in labels], np.uint8)


def blurred(picture: Pixels) -> Pixels:
    """The picture without its fine detail."""
    return np.asarray(Image.fromarray(picture).filter(ImageFilter.GaussianBlur(BLUR)))


def _measurable(file: bytes, scale: int) -> Pixels:
    """A photo in RGB; ValueError where LPIPS, or SSIM within the border, would have too little to look at."""
    photo = np.array(Image.open(io.BytesIO(file)).convert("RGB"))
    least = max(SMALLEST_SIDE, fidelity.WINDOW + 2 * scale) + scale - 1  # the crop may take the last
    if min(photo.shape[:2]) < least:
        raise ValueError(f"has {photo.shape[1]} x {photo.shape[0]} pixels; {least} on each side are needed")
    return photo


def _told_amid(steps: Steps[Pixels], told: Callable[[], None]) -> Pixels:
    """What the steps make; `told` is called behind each of them."""
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]
        told()


@contextmanager
def _layers_told(network: nn.Module, told: Callable[[], None]) -> Iterator[None]:
    """Inside, `told` is called behind each layer: with a large photo, a network is at work for minutes."""
    hooks = [layer.register_forward_hook(lambda *_: told()) for layer in network.modules() if isinstance(layer, nn.Conv2d)]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _one(model: LatentModel, seed: int, psi: float, side: int) -> Pixels:
    rgb = torch.from_numpy(model.synthesize(model.map(model.z_of_seed(seed), psi=psi))[0])
    picture = to_picture(rgb)
    if picture.shape[:2] != (side, side):
        picture = np.asarray(Image.fromarray(picture).resize((side, side), Image.Resampling.LANCZOS))
    return picture


def _drawn(of: Sequence[int], count: int) -> list[int]:
    """So many of them, the same each time, in their order."""
    if len(of) <= count:
        return list(of)
    return [of[int(i)] for i in np.sort(np.random.default_rng(0).choice(len(of), count, replace=False))]


def _enough(count: int, what: str) -> None:
    if count <= NEIGHBOURS:
        raise BadInput(f"There are only {count} {what}.", f"At least {NEIGHBOURS + 1} are needed to measure with.")
