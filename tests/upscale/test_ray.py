"""The same job over a Ray cluster: two workers, one killed in the middle, results written by this process alone."""

import importlib.util
import json
import os
import queue
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import save_file

from app.inference.requests import DescribeRequest
from app.inference.updates import Failure
from app.upscale import ray_hands
from app.upscale.hands import Lost
from models.card import Card
from models.checkpoints.reading import CARD_KEY
from models.networks.compact import CompactConfig
from models.training.upscaling import begun

ROOT = Path(__file__).resolve().parents[2]
needs_ray = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="ray is not installed (extra `ray`)")


@needs_ray
@pytest.mark.slow
def test_two_workers_share_a_job_and_a_killed_one_gives_its_photo_back(tmp_path: Path, ganvas_home: Path) -> None:
    environment = {**os.environ, "GANVAS_HOME": str(ganvas_home), "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    words = [sys.executable, "-m", "tests.upscale.ray_of_two", str(tmp_path)]
    done = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout.splitlines()[-1])
    names = [f"photo{i}_photo-x2_x2.png" for i in range(6)]
    assert (told["plain"], told["crashed"], told["through"]) == (names[:4], names, names[:2])
    assert told["failures"] == []
    assert sorted(told["ends"]) == sorted([*range(4), *range(6), *range(2)])
    assert told["workers"] == ["Ray worker 1", "Ray worker 2"]
    assert told["left"] == []
    assert len(told["lost"]) == 1
    assert told["lost"][0].startswith("Ray worker 2 was lost")
    assert all("Python" in sentence and "torch" in sentence for sentence in told["said"])
    assert "no model called no-such-model" in told["unknown"] or "No worker" in told["unknown"]
    assert "Python 2.7" in told["other"]


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1", "[::1]:1"])
def test_an_address_that_answers_nobody_is_told_at_once(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(init=lambda **_: pytest.fail("Ray would ask for minutes")))
    failure = ray_hands.connect(address, "photo-x2", None, None, lambda *_: None)
    assert isinstance(failure, Failure)
    assert failure.what == f"There is no Ray cluster at {address}."
    assert failure.why


def test_a_worker_needs_both_models_of_a_mixture() -> None:
    mine = ray_hands.versions(["photo-x4", "restore-x4"])
    assert all(mine.sha256)
    for known, said in (
        ((mine.sha256[0], ""), "no model called restore-x4"),
        (("a", mine.sha256[1]), "another model called photo-x4"),
    ):
        assert said in ray_hands.unfit(replace(mine, sha256=known), mine, ["photo-x4", "restore-x4"])
    assert ray_hands.unfit(replace(mine, torch="1"), mine, ["photo-x4", "restore-x4"]) == ""


def test_a_model_named_by_a_path_is_compared_by_what_its_file_holds(tmp_path: Path, ganvas_home: Path) -> None:
    """Two machines may have other models at one place, or none."""
    path = tmp_path / "mine.safetensors"

    def weights(value: float) -> tuple[str, ...]:
        config = CompactConfig(3, 8, 1, 2)
        tensors = {name: torch.full_like(tensor, value) for name, tensor in begun(config).state_dict().items()}
        card = Card("mine", "Mine", "upscaling", "compact", asdict(config), scale=2)
        save_file(tensors, path, {CARD_KEY: card.to_json()})
        return ray_hands.versions([str(path)]).sha256

    one, other, again = weights(0.1), weights(0.2), weights(0.1)
    path.unlink()
    none = ray_hands.versions([str(path)])
    mine = replace(none, sha256=one)
    assert ray_hands.unfit(replace(none, sha256=again), mine, [str(path)]) == ""
    assert ray_hands.unfit(replace(none, sha256=other), mine, [str(path)]) == f"it has another model at {path}"
    assert ray_hands.unfit(none, mine, [str(path)]) == f"it has no model at {path}"


class Broken:
    """Stands for a worker of a cluster whose results cannot be read."""

    @property
    def run(self) -> "Broken":
        return self

    def remote(self, request: object) -> None:
        raise ValueError("cut off")

    def get(self, promised: object) -> None:
        raise AssertionError("nothing was promised")


def test_whatever_happens_in_a_hand_is_told_so_that_nobody_waits(expected_warnings: list[str]) -> None:
    expected_warnings.append("Ray worker 1")
    said: queue.SimpleQueue[object] = queue.SimpleQueue()
    hand = ray_hands.RayHand("Ray worker 1", Broken(), Broken(), None, lambda hand, update: said.put(update))
    hand.begin(DescribeRequest("photo-x2"))
    lost = said.get(timeout=60)
    assert isinstance(lost, Lost)
    assert lost.why.startswith("ValueError, see ")
    hand.close()


def test_without_ray_one_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    failure = ray_hands.connect("127.0.0.1:6399", "photo-x2", None, None, lambda hand, update: None)
    assert isinstance(failure, Failure)
    assert str(failure) == "A Ray cluster needs the package ray. Install it with: pip install 'ganvas[ray]'."


def test_the_packaged_program_sends_nobody_to_pip(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    failure = ray_hands.connect("127.0.0.1:6399", "photo-x2", None, None, lambda hand, update: None)
    assert isinstance(failure, Failure)
    assert failure.hint == "It cannot be added to this packaged program, only to a Ganvas that was installed with Python."
