"""A pause gives back the memory of photos of which nothing was made, wherever they lay."""

import gc
import weakref
from pathlib import Path

import numpy as np
import pytest

from app.inference.engine import Engine
from app.inference.updates import Cancelled, Tile
from app.photos.decoding import decode
from app.upscale import making
from app.upscale.conveyor import Conveyor
from tests.upscale.belt import doubled, drive, photos, planned
from tests.upscale.test_hands import X2


@pytest.mark.parametrize("streamed", [False, True])
def test_a_pause_lets_photos_go_that_only_lay_waiting_in_a_hand(
    tmp_path: Path, running: Engine, streamed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if streamed:
        monkeypatch.setattr(making, "STREAM_BYTES", 0)
    plan = planned(photos(tmp_path, 3, 64, 48), X2)
    with Conveyor(X2, hands=3) as belt:
        for index, one in enumerate(plan):
            belt.add(index, one)
        jobs = []
        while len(jobs) < 3:
            belt.collect()
            if (job := belt.next_request()) is None:
                belt.wait(1)
            else:
                jobs.append(job)
        jobs.sort(key=lambda job: job[0])  # they are decoded at once
        kept, *waited = [weakref.ref(belt._current[index].pixels) for index, _ in jobs]  # type: ignore[arg-type]
        belt.update(0, Tile(doubled(jobs[0][1].pixels)[:20], 0, 0))  # type: ignore[union-attr]
        belt.update(1, Tile(doubled(jobs[1][1].pixels)[:20, :40], 0, 0))  # type: ignore[union-attr]  # no row is whole
        del jobs, job
        belt.pause()
        for index in (0, 1, 2):
            belt.update(index, Cancelled())
        while not belt.idle:
            belt.wait()
            belt.collect()
        gc.collect()
        assert [one() is None for one in (kept, *waited)] == [False, True, True]
        belt.resume()
        ends = [event.index for event in drive(belt, running) if event.stage == "done"]
        assert sorted(ends) == [0, 1, 2]
    for one in plan:
        assert one.output is not None
        assert np.array_equal(decode(one.output).pixels, doubled(decode(one.source).pixels))
