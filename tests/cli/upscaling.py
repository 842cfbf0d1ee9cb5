"""`ganvas upscale` as tests call it."""

import json
from pathlib import Path

from app.__main__ import main
from tests.upscale.belt import TWICE

ROOT = Path(__file__).parents[2]


def upscale(*words: object) -> int:
    return main(["upscale", "--device", "cpu", "--threads", "1", "--model", TWICE, *map(str, words)])


def lines(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]
