"""The same job over a Ray cluster: two workers, one killed in the middle, results written by this process alone."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.inference.updates import Failure
from app.upscale import ray_hands

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


def test_without_ray_one_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    failure = ray_hands.connect("127.0.0.1:6399", "photo-x2", None, None, lambda hand, update: None)
    assert isinstance(failure, Failure)
    assert str(failure) == "A Ray cluster needs the package ray. Install it with: pip install 'ganvas[ray]'."
