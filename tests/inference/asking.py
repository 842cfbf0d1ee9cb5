"""What an engine is asked about, and what it answers."""

from typing import Any

import numpy as np

from app.inference.engine import Engine
from app.inference.requests import Request
from app.inference.updates import ENDINGS, Done, Failure, Frame, Step, Update


def label_map(height: int = 96, width: int = 128) -> np.ndarray:
    painted = np.zeros((height, width), np.uint8)
    painted[height // 2 :] = 1
    painted[:, width // 2 :] += 2
    return painted


def photo(height: int = 40, width: int = 56, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, channels), np.uint8)


def updates(engine: Engine, request: Request) -> list[Update]:
    found = [update for update in engine.run(request) if not isinstance(update, Step)]
    assert [isinstance(update, ENDINGS) for update in found] == [False] * (len(found) - 1) + [True]
    return found


def result(engine: Engine, request: Request) -> Any:
    ending = updates(engine, request)[-1]
    assert isinstance(ending, Done), ending
    return ending.result


def refusal(engine: Engine, request: Request) -> Failure:
    ending = updates(engine, request)[-1]
    assert isinstance(ending, Failure), ending
    return ending


def frames(engine: Engine, request: Request) -> list[Frame]:
    return [update for update in updates(engine, request) if isinstance(update, Frame)]
