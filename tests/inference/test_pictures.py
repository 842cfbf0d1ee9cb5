"""What holds for requests of every kind: refused in words, served by turns, of models that are described and removed."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.inference.engine import Engine
from app.inference.requests import (
    DescribeRequest,
    GenerateRequest,
    ModelFacts,
    PaintRequest,
    RemoveModelRequest,
    Request,
    TranslateRequest,
    UpscaleRequest,
)
from app.inference.updates import ENDINGS, Done, Generated, Update
from tests.inference import small_models
from tests.inference.asking import label_map, photo, refusal, result
from tests.inference.small_models import FACES, PAINTER, TRANSLATOR, UPSCALER

SEA = np.where(np.arange(96)[:, None] < 50, 0, 2).astype(np.uint8).repeat(128, 1)


@pytest.mark.parametrize(
    ("request_", "part"),
    [
        (GenerateRequest(FACES, seeds=()), "sum to 1"),
        (GenerateRequest(FACES, seeds=((1, 0.5),)), "sum to 1"),
        (GenerateRequest(FACES, seeds=((-1, 1.0),)), "seed"),
        (GenerateRequest(FACES, directions=(("nonsense", 1.0),)), "nonsense"),
        (GenerateRequest(FACES, ws=np.zeros((1, 3, 16), np.float32)), "latents"),
        (GenerateRequest(FACES, label=3), "classes"),
        (GenerateRequest(PAINTER), "Explore"),
        (PaintRequest(FACES, np.zeros((64, 64), np.uint8)), "Paint"),
        (UpscaleRequest(FACES, np.zeros((8, 8, 3), np.uint8)), "Upscale"),
        (TranslateRequest(UPSCALER, np.zeros((8, 8, 3), np.uint8)), "Transform"),
        (PaintRequest(PAINTER, np.full((64, 64), 9, np.uint8)), "9"),
        (PaintRequest(PAINTER, np.zeros((64, 64, 3), np.uint8)), "no label map"),
        (UpscaleRequest(UPSCALER, np.zeros(8, np.uint8)), "picture"),
        (UpscaleRequest(UPSCALER, np.zeros((8, 8, 7), np.uint8)), "picture"),
        (UpscaleRequest(UPSCALER, np.zeros((8, 8, 3), np.uint8), region=(0, 0, 99, 99)), "region"),
    ],
)
def test_what_cannot_be_is_refused_in_words_and_the_next_request_works(engine: Engine, request_: Request, part: str) -> None:
    assert part in str(refusal(engine, request_))
    result(engine, GenerateRequest(FACES))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (GenerateRequest(FACES, noise="random", noise_seed=1), GenerateRequest(FACES, seeds=((9, 1.0),), resolution=32)),
        (PaintRequest(PAINTER, label_map(), look=1), PaintRequest(PAINTER, SEA, look=2, noise_seed=3)),
        (UpscaleRequest(UPSCALER, photo(), tile=16), UpscaleRequest(UPSCALER, photo(30, 70)[::-1].copy())),
        (TranslateRequest(TRANSLATOR, photo()), TranslateRequest(TRANSLATOR, photo(30, 70)[::-1].copy())),
    ],
)
def test_two_pictures_of_one_model_made_by_turns_are_what_they_are_alone(engine: Engine, one: Request, other: Request) -> None:
    def picture(made: Any) -> np.ndarray:
        return made.picture if isinstance(made, Generated) else made

    alone = [picture(result(engine, request)) for request in (one, other)]
    running = [engine.run(one), engine.run(other)]
    ended: dict[int, Update] = {}
    while len(ended) < 2:
        for number, iterator in enumerate(running):
            if number not in ended and isinstance(update := next(iterator), ENDINGS):
                ended[number] = update
    for number in range(2):
        done = ended[number]
        assert isinstance(done, Done)
        np.testing.assert_array_equal(picture(done.result), alone[number])


def test_a_model_is_described_by_what_it_can_do(engine: Engine) -> None:
    faces, painter, upscaler = (result(engine, DescribeRequest(name)) for name in (FACES, PAINTER, UPSCALER))
    assert isinstance(faces, ModelFacts)
    assert (faces.resolution, faces.num_ws, faces.w_dim, faces.previews) == (64, 8, 16, (32,))
    assert len(faces.layer_sizes) == faces.num_ws
    assert painter.style_dim == 6
    assert upscaler.scale == 2
    assert {facts.precision for facts in (faces, painter, upscaler)} == {"float32"}


def test_a_removed_model_is_gone_at_once(tmp_path: Path) -> None:
    catalogue = small_models.catalogue(tmp_path)
    engine = Engine(catalogue, device="cpu", threads=1)
    result(engine, UpscaleRequest(UPSCALER, photo()))
    assert result(engine, RemoveModelRequest(UPSCALER)) == UPSCALER
    assert UPSCALER in str(refusal(engine, UpscaleRequest(UPSCALER, photo())))
