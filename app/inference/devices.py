"""Devices that share a job, by their names: "cuda:1", "mps", "cpu:0", where the number only parts one hand from another."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

FEWEST_BESIDE, MOST_BESIDE = 2, 8
_PART_OF_PROCESSOR = re.compile("cpu:[0-9]+")


def devices_named(text: str | None) -> tuple[str, ...]:
    """The devices of a list like "cuda:0,cuda:1"; for None all CUDA devices where there are several. () where one is enough.

    torch is imported for None alone, and only where there is a driver for such devices.
    """
    if text is not None:
        named = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
        return named if len(named) > 1 else ()
    from models.device import cuda_devices

    count = cuda_devices()
    return tuple(f"cuda:{i}" for i in range(count)) if count > 1 else ()


def own_device(text: str | None) -> str | None:
    """Of a list of devices, or of parts of the processor (cpu:0), what this process itself computes on."""
    first = text.split(",")[0].strip() if text else None
    return "cpu" if first is not None and _PART_OF_PROCESSOR.fullmatch(first) else first


def threads_beside(devices: Sequence[str]) -> int:
    """How many threads decode and encode photos while these devices compute: two beside a processor, which they take from its
    work, and more beside cards: one that makes ten photos a second would wait for two."""
    if any(device.startswith("cpu") for device in devices):
        return FEWEST_BESIDE
    return max(FEWEST_BESIDE, min(MOST_BESIDE, (os.cpu_count() or 1) - 1))


def threads_of(devices: Sequence[str], threads: int | None) -> int | None:
    """Processor threads of each hand: the machine's cores are shared by those that compute on them."""
    on_processor = sum(device.startswith("cpu") for device in devices)
    return threads if threads is not None or not on_processor else max(1, (os.cpu_count() or 1) // on_processor)
