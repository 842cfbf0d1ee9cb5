"""A machine with several cards: who was told to use the second one uses no other. The cards are pretended."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from app.inference.engine import Engine
from app.inference.requests import DeviceRequest, Mix, UpscaleRequest
from app.inference.updates import Done, Failure
from benchmarks.pretended_cards import OnCard, PretendedCards
from models.allowance import Allowance
from models.device import cuda_devices
from tests.upscale.belt import photos

ROOT = Path(__file__).parents[2]
FIXTURES = ROOT / "tests" / "fixtures" / "checkpoints"
PHOTO = np.random.RandomState(0).randint(0, 256, (60, 80, 3)).astype(np.uint8)


def ending(device: str, precision: str | None, request: UpscaleRequest | DeviceRequest) -> Done | Failure:
    *_, last = Engine(device=device, precision=precision, threads=1, device_memory=Allowance(0.5)).run(request)
    assert isinstance(last, Done | Failure)
    return last


@pytest.mark.parametrize("precision", ["float16", "float32"])
@pytest.mark.parametrize(
    "request_",
    [
        UpscaleRequest("photo-x4", PHOTO),
        UpscaleRequest("photo-x4", PHOTO, tile=32),
        UpscaleRequest("photo-x2", PHOTO[:30, :30], turns=True),
        UpscaleRequest("photo-x2", PHOTO.astype(np.uint16) * 257, region=(10, 20, 30, 40)),
        UpscaleRequest(Mix("photo-x4", "photo-x4-faithful", 0.5), PHOTO),
    ],
    ids=["flowing", "tiles", "turns", "16 bits", "mix"],
)
def test_an_upscaler_lies_on_its_own_card_alone(request_: UpscaleRequest, precision: str) -> None:
    with PretendedCards(2) as cards:
        made = ending("cuda:1", precision, request_)
    assert cards.used == torch.device("cuda:1")
    wanted = ending("cpu", "float32", request_)
    assert isinstance(made, Done), made
    assert isinstance(wanted, Done)
    assert np.abs(made.result.astype(int) - wanted.result).max() <= (1 if made.result.dtype == np.uint8 else 2)


@pytest.mark.parametrize("path", sorted((FIXTURES / "esrgan").glob("*.pth")), ids=lambda path: path.stem)
def test_so_does_every_kind_of_esrgan(path: Path) -> None:
    with PretendedCards(2) as cards:
        made = ending("cuda:1", "float32", UpscaleRequest(str(path), PHOTO[:24, :24]))
    assert cards.used == torch.device("cuda:1")
    wanted = ending("cpu", "float32", UpscaleRequest(str(path), PHOTO[:24, :24]))
    assert isinstance(made, Done), made
    assert isinstance(wanted, Done)
    assert np.abs(made.result.astype(int) - wanted.result).max() <= 1


def test_it_is_the_second_cards_memory_that_is_told_and_limited() -> None:
    with PretendedCards(2) as cards:
        assert cuda_devices() == 2
        facts = ending("cuda:1", None, DeviceRequest())
        assert cards.used == torch.device("cuda:1")
    assert isinstance(facts, Done)
    assert (facts.result.device, facts.result.name) == ("cuda:1", "Pretended card 1")
    missing = None
    with PretendedCards(2):
        missing = ending("cuda:2", None, DeviceRequest())
    assert isinstance(missing, Failure)
    assert "cuda:2" in str(missing)


def test_what_these_cards_are_for_is_seen_by_them() -> None:
    with PretendedCards(2):
        first = torch.ones(3, 3, device="cuda:1")
        assert isinstance(first @ first, OnCard)
        assert (first * 2).cpu().tolist() == [[2.0] * 3] * 3
        with pytest.raises(RuntimeError, match="found cpu, cuda:1"):
            first + torch.ones(3, 3)
        for other in ("cuda", "cuda:0"):
            with pytest.raises(RuntimeError, match="has turned to cuda:0"):
                torch.ones(3, device=other)
        with pytest.raises(RuntimeError, match="has turned to cuda:0"):
            torch.cuda.mem_get_info(0)


def test_the_command_shares_a_folder_between_all_cards_and_goes_on_without_one(ganvas_home: Path, tmp_path: Path) -> None:
    photos(tmp_path / "in", 6, 40, 50)
    words = ["share", "all", "--pretended", "2", "--photos", str(tmp_path / "in")]
    ran = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks/upscale_devices.py"), *words], capture_output=True, text=True, timeout=250
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "6 photos by photo-x4: cuda:0, then cuda:0, cuda:1" in ran.stdout
    assert "BROKEN" not in ran.stdout
