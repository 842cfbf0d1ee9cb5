"""Label maps to landscapes, through the engine: as fine as time and memory let them be, with a small real painter."""

from dataclasses import replace

import numpy as np
import pytest

from app.inference.engine import Engine
from app.inference.painting import SOFTER
from app.inference.requests import PaintRequest
from app.inference.updates import Done, Frame, Remark
from benchmarks.pretended_card import PretendedCard
from models import device
from models.allowance import ALL, GB, Allowance
from models.catalogue import Catalogue
from models.detail import PICTURES_UNTIL_FINER
from tests.inference.asking import frames, label_map, result, updates
from tests.inference.small_models import PAINTER, UPSCALER


def test_a_landscape_has_the_size_of_its_map(engine: Engine) -> None:
    (frame,) = frames(engine, PaintRequest(PAINTER, label_map(192, 256), look=3))
    assert frame.picture.shape == (192, 256, 3)
    assert frame.final
    assert frame.resolution < 192


def test_an_upscaler_follows_once_the_hand_rests(engine: Engine) -> None:
    large = label_map(192, 256)
    moving = frames(engine, PaintRequest(PAINTER, large, look=3, enlarge_with=UPSCALER, deadline_ms=0))
    assert [frame.final for frame in moving] == [False]
    resting = frames(engine, PaintRequest(PAINTER, large, look=3, enlarge_with=UPSCALER))
    assert [frame.final for frame in resting] == [False, True]
    assert all(frame.picture.shape == (192, 256, 3) for frame in resting)
    assert (resting[0].picture != resting[1].picture).any()


def test_a_finished_landscape_is_painted_finer_and_a_quick_one_where_there_is_time(engine: Engine) -> None:
    quick = [PaintRequest(PAINTER, label_map(192, 256), look=3, deadline_ms=ms) for ms in (60_000, 0, 60_000)]
    (unknown,), (resting,) = frames(engine, quick[0]), frames(engine, replace(quick[0], deadline_ms=None))
    assert 1.4 < resting.resolution / unknown.resolution < 1.6
    assert (unknown.final, resting.final) == (False, True)  # how long the finer one takes was not known yet
    assert [frames(engine, request)[0].resolution for request in quick[1:]] == [unknown.resolution, resting.resolution]
    (small,) = frames(engine, PaintRequest(PAINTER, label_map(48, 64), look=3))
    assert small.resolution == unknown.resolution  # nobody sees more in a picture of that size


def test_a_landscape_that_is_too_fine_for_the_memory_is_painted_as_it_was_taught_and_says_so(
    catalogue: Catalogue, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "app.inference.painting")
    resting = PaintRequest(PAINTER, label_map(192, 256), look=3)
    with PretendedCard(8 * GB) as card:
        engine = Engine(catalogue, device="cpu", precision="float32", threads=1)
        peaks = []
        for request in (hurried := replace(resting, deadline_ms=0), hurried, resting):
            card.peak = card.used
            made = result(engine, request)
            peaks.append(card.peak)
        assert peaks[2] > 1.1 * peaks[1], "the finer picture takes no more memory: nothing can be tried with this"
        taught = result(engine, hurried)
        assert (made != taught).any()
        device.allow("cpu", Allowance(bytes=(peaks[1] + peaks[2]) // 2))
        assert updates(engine, resting)[0] == Remark(SOFTER)
        refused = card.refused
        assert refused
        told = updates(engine, resting)
        assert card.refused == refused, "what did not fit is not tried again and again"
    assert isinstance(told[-1], Done)
    np.testing.assert_array_equal(told[-1].result, taught)
    assert [type(update) for update in told] == [Remark, Frame, Done]
    assert "painted at the size it was taught: The graphics card has no memory left" in caplog.text


def test_memory_that_somebody_gave_back_is_used_again(catalogue: Catalogue) -> None:
    resting = PaintRequest(PAINTER, label_map(192, 256), look=3)
    with PretendedCard(8 * GB) as card:
        engine = Engine(catalogue, device="cpu", precision="float32", threads=1)
        finer = result(engine, resting)  # which opens the model, too
        card.peak = card.used
        np.testing.assert_array_equal(result(engine, resting), finer)
        too_little = Allowance(bytes=card.peak - 1)
        device.allow("cpu", too_little)
        softer = result(engine, resting)
        assert (softer != finer).any()
        device.allow("cpu", ALL)
        for _ in range(PICTURES_UNTIL_FINER - 1):
            np.testing.assert_array_equal(result(engine, resting), softer)
        np.testing.assert_array_equal(result(engine, resting), finer)
        # A hand that moves is told that something better follows, however quick the machine is.
        device.allow("cpu", too_little)
        assert [frame.final for frame in frames(engine, replace(resting, deadline_ms=60_000))] == [False]


def test_a_photo_as_look_is_encoded_once(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    from models.painting import PaintingModel

    encoded = []
    plain = PaintingModel.style_vector
    monkeypatch.setattr(PaintingModel, "style_vector", lambda self, look: encoded.append(1) or plain(self, look))
    photo = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    one = result(engine, PaintRequest(PAINTER, label_map(), look=photo))
    two = result(engine, PaintRequest(PAINTER, label_map(), look=photo.copy()))
    np.testing.assert_array_equal(one, two)
    assert len(encoded) == 1
