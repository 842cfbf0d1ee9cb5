"""A local Ray cluster of two workers, one of which is killed at its work. Run as a program by test_ray.py: Ray starts threads
and processes that would outlive a test. Prints one JSON object."""

import json
import os
import signal
import sys
from pathlib import Path

import ray

from app.inference.requests import DescribeRequest
from app.inference.updates import Failure, Tile
from app.upscale import ray_hands
from app.upscale.conveyor import Conveyor
from app.upscale.hands import Hand, News, Spreading
from app.upscale.items import Event
from app.upscale.plan import Choices
from app.upscale.sizes import parse_target
from tests.upscale.belt import photos, planned

MODEL = "photo-x2"


def run(folder: Path) -> dict[str, object]:
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, object_store_memory=100_000_000)
    victim: list[tuple[str, int]] = []
    events: list[Event] = []
    lost: list[str] = []
    tiles: list[str] = []
    spreading: Spreading[Hand] = Spreading(lost.append)

    def heard(hand: Hand, update: News) -> None:
        if isinstance(update, Tile):
            tiles.append(hand.name)
            if victim and hand.name != victim[0][0]:  # the other one is at its work meanwhile
                os.kill(victim.pop()[1], signal.SIGKILL)
        spreading.heard(hand, update)

    cluster = ray_hands.connect("auto", MODEL, 2, None, heard)
    assert not isinstance(cluster, Failure), str(cluster)
    spreading.hands += cluster.hands
    assert spreading.open(DescribeRequest(MODEL)) is None

    def enlarge(name: str, count: int) -> list[str]:
        choices = Choices(MODEL, 2, parse_target("x2"), folder / name, "png")
        with Conveyor(choices, wake=spreading.wake, hands=2) as belt:
            for index, one in enumerate(planned(photos(folder / f"in-{name}", count, 120, 160), choices)):
                belt.add(index, one)
            assert spreading.run(belt, events.append) is None
            events.extend(belt.collect())
        return sorted(path.name for path in (folder / name).iterdir())

    plain = enlarge("plain", 4)
    last = cluster.hands[-1]
    victim.append((last.name, ray.get(last._actor.process.remote())))
    crashed = enlarge("crashed", 6)
    shared = folder / "shared"
    shared.mkdir()
    for hand in spreading.hands:
        hand._shared = shared  # type: ignore[attr-defined]
    through = enlarge("through", 2)
    left = [path.name for path in shared.iterdir()]
    unknown = ray_hands.connect("auto", "no-such-model", 1, None, heard)
    other = ray_hands.unfit(ray_hands.Versions("h", "2.7", "1", "0", ("",)), ray_hands.versions([MODEL]), [MODEL])
    return {
        "said": list(cluster.said),
        "workers": sorted(set(tiles)),
        "plain": plain,
        "crashed": crashed,
        "through": through,
        "left": left,
        "lost": lost,
        "ends": [event.index for event in events if event.stage == "done"],
        "failures": [str(event.failure) for event in events if event.failure],
        "unknown": str(unknown) if isinstance(unknown, Failure) else "",
        "other": other,
    }


if __name__ == "__main__":
    made = run(Path(sys.argv[1]))
    sys.stdout.write(json.dumps(made) + "\n")
    sys.stdout.flush()
    os._exit(0)  # the cluster ends with its driver; Ray's own leaving takes seconds
