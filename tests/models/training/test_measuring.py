"""Tables of figures: what is as good as the photos reaches the floor, what is worse does not, and each task has its own lines."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from models.card import Card
from models.errors import BadInput
from models.training.labelled import LabelledPhotos, read_labelled
from models.training.lpips import from_tensors
from models.training.measuring import Judges, Measured, Sizes, blurred, measured_latent, measured_painter, measured_upscaler
from models.training.squares import read_squares
from tests.models.training.test_lpips import published


class Thumbnails:
    """Describes a picture by its pixels at 6 x 6: features that are real and quick."""

    def of_all(self, pictures: Any) -> np.ndarray:
        return np.stack([np.asarray(Image.fromarray(p).resize((6, 6), Image.Resampling.BOX)).ravel() / 64 for p in pictures])


@pytest.fixture(scope="module")
def judges() -> Judges:
    return Judges(Thumbnails(), from_tensors(published()))  # type: ignore[arg-type]


@pytest.fixture
def data(landscapes: Path, tmp_path: Path) -> LabelledPhotos:
    index = landscapes / "index.csv"
    index.write_text(index.read_text().replace("p00,train", "p00,val").replace("p05,train", "p05,val"))
    return read_labelled(landscapes, tmp_path / "cache")


def painter(data: LabelledPhotos, paint: Any) -> Any:
    card = Card("p", "P", "painting", "test", labels=data.labels, resolution=64)
    return SimpleNamespace(card=card, labels=data.labels, paint=paint)


def value(found: Measured, figure: str, column: str) -> float:
    return next(f.of[column] for f in found.figures if f.name == figure)


def test_a_painter_that_gives_back_the_photo_reaches_the_floor_and_a_grey_one_does_not(
    data: LabelledPhotos, judges: Judges
) -> None:
    colours = np.zeros((256, 3), np.uint8)
    for label in data.labels:
        colours[label.id] = label.colour
    says = SimpleNamespace(labels=data.labels, label=lambda p, speck: _nearest_colour(p, data))
    with_labeller = Judges(judges.inception, judges.lpips, says)  # type: ignore[arg-type]
    sizes = Sizes(pictures=5, reference=20, pairs=2)
    echo = painter(data, lambda m, look, grain: look if isinstance(look, np.ndarray) else colours[m])
    perfect = measured_painter(echo, data, with_labeller, sizes)
    assert perfect.columns == ("painted", "photos", "nearest photos", "blurred photos")
    for figure in ("FID", "KID x 1000", "precision", "recall", "relabelled pixels"):
        assert value(perfect, figure, "painted") == pytest.approx(value(perfect, figure, "photos"))
    assert value(perfect, "LPIPS to the own photo", "painted") == 0
    assert value(perfect, "LPIPS to the own photo", "nearest photos") > 0
    assert value(perfect, "LPIPS, two looks of a map", "painted") == 0  # it has one look for all seeds
    grey = measured_painter(painter(data, lambda m, look, grain: np.full((64, 64, 3), 90, np.uint8)), data, with_labeller, sizes)
    assert value(grey, "FID", "painted") > value(grey, "FID", "photos")
    assert value(grey, "relabelled pixels", "painted") < value(grey, "relabelled pixels", "photos")
    assert any("Nearly all maps are automatic" in remark for remark in grey.remarks)
    assert all("5 held-out" in m.remarks[0] for m in (perfect, grey))


def _nearest_colour(picture: np.ndarray, data: LabelledPhotos) -> np.ndarray:
    colours = np.array([label.colour for label in data.labels]) * 0.75
    distances = ((picture[:, :, None].astype(float) - colours) ** 2).sum(-1)
    return np.array([label.id for label in data.labels], np.uint8)[distances.argmin(-1)]


def test_a_painter_of_other_labels_or_too_few_photos_are_refused(data: LabelledPhotos, judges: Judges) -> None:
    other = SimpleNamespace(card=Card("p", "P", "painting", "test"), labels=data.labels[:1], paint=None)
    with pytest.raises(BadInput, match="does not paint sea"):
        measured_painter(other, data, judges, Sizes(5, 20, 2))  # type: ignore[arg-type]
    with pytest.raises(BadInput, match="only 2 held-out photos"):
        measured_painter(painter(data, None), data, judges, Sizes(2, 20, 2))


def test_a_latent_model_that_knows_its_data_is_nearer_than_one_that_makes_noise(tmp_path: Path, judges: Judges) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    y, x = np.mgrid[:32, :32] / 32

    def drawn(seed: int) -> np.ndarray:
        a, b, c = np.random.default_rng(seed).random(3)
        return (np.stack([a * x, b * y, c * (1 - x)], -1) * 255).astype(np.uint8)

    for i in range(100):
        Image.fromarray(drawn(i)).save(folder / f"{i:03}.png")
    data = read_squares(folder, tmp_path / "cache", 32)
    noise = np.random.default_rng(0)

    def model(make: Any) -> Any:
        as_planes = lambda ws: (make(int(ws)).transpose(2, 0, 1)[None] / 127.5 - 1).astype(np.float32)  # noqa: E731
        return SimpleNamespace(z_of_seed=lambda s: s, map=lambda z, psi: z + 1000, synthesize=as_planes)

    sizes = Sizes(pictures=50, reference=60, pairs=3)
    good = measured_latent(model(drawn), data, judges, sizes)
    bad = measured_latent(model(lambda seed: noise.integers(0, 256, (32, 32, 3)).astype(np.uint8)), data, judges, sizes)
    assert good.columns == ("psi 1", "psi 0.7", "real", "blurred")
    assert value(good, "FID", "psi 1") < 0.5 * value(bad, "FID", "psi 1")
    assert value(bad, "precision", "psi 1") == 0
    assert value(good, "LPIPS, two pictures", "real") > 0


def nearest(pieces: int = 1) -> Any:
    """An upscaler that repeats each pixel, in so many pieces of work."""

    def steps(small: np.ndarray) -> Any:
        for _ in range(pieces):
            yield
        return small.repeat(2, 0).repeat(2, 1)

    return SimpleNamespace(scale=2, upscale_steps=steps)


def test_an_upscaler_stands_beside_the_bicubic_filter(tmp_path: Path, judges: Judges) -> None:
    random = np.random.default_rng(0)
    for i in range(3):
        rough = random.integers(0, 256, (24, 30, 3)).astype(np.uint8)
        Image.fromarray(rough).resize((90, 72), Image.Resampling.BICUBIC).save(tmp_path / f"{i}.png")
    found = measured_upscaler(nearest(), tmp_path, judges.lpips, 2)
    assert found.columns == ("model", "bicubic")
    assert "2 photos, x2" in found.remarks[0]
    assert value(found, "PSNR-Y, dB", "model") < value(found, "PSNR-Y, dB", "bicubic")
    assert {figure.name for figure in found.figures} == {"PSNR-Y, dB", "SSIM-Y", "LPIPS", "colour shift, of 255"}


def test_photos_that_cannot_be_measured_are_told_and_without_any_other_nothing_is(tmp_path: Path, judges: Judges) -> None:
    (tmp_path / "broken.png").write_bytes(b"no picture")
    Image.new("RGB", (30, 60)).save(tmp_path / "small.png")
    with pytest.raises(BadInput, match="No photo of"):
        measured_upscaler(nearest(), tmp_path, judges.lpips, 9)
    Image.effect_noise((33, 33), 50).save(tmp_path / "noise.png")
    found = measured_upscaler(nearest(), tmp_path, judges.lpips, 9)
    assert "1 photos, x2" in found.remarks[0]
    assert [remark.split()[2] for remark in found.remarks[1:]] == ["broken.png", "small.png"]
    assert "30 x 60 pixels; 33 on each side are needed" in found.remarks[2]
    assert all(np.isfinite(x) for figure in found.figures for x in figure.of.values())


def test_a_large_photo_is_told_of_again_and_again_while_it_is_enlarged_and_compared(tmp_path: Path, judges: Judges) -> None:
    for name in ("a.png", "b.png"):
        Image.effect_noise((33, 33), 50).convert("RGB").save(tmp_path / name)
    told: list[tuple[int, int, str]] = []
    measured_upscaler(nearest(5), tmp_path, judges.lpips, 9, lambda *said: told.append(said))
    assert [text for *_, text in dict.fromkeys(told)] == [
        "enlarging a.png",
        "comparing a.png",
        "enlarging b.png",
        "comparing b.png",
    ]
    assert told.count((0, 2, "enlarging a.png")) == 6
    layers = 2 * 13 * 2  # of the network that compares, for both pictures, with the model's and with the plain one
    assert told.count((1, 2, "comparing b.png")) >= layers
    before = len(told)
    judges.lpips.distance(np.zeros((33, 33, 3), np.uint8), np.ones((33, 33, 3), np.uint8))
    assert len(told) == before  # nothing is told of what comes after


def test_blurred_pictures_keep_their_light_and_lose_their_detail() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    soft = blurred(picture)
    assert soft.std() < 0.3 * picture.std()
    assert abs(soft.mean() - picture.mean()) < 3
