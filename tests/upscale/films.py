"""Small films for tests, and what is in one."""

import re
import subprocess
from fractions import Fraction
from pathlib import Path

import numpy as np

from app.inference.engine import Engine
from app.photos.decoding import probe
from app.upscale.conveyor import Conveyor
from app.upscale.plan import Choices
from app.upscale.sizes import parse_target
from app.video import program
from app.video.facts import look
from app.video.reading import FrameReader
from tests.upscale.belt import TWICE, drive, planned

X2 = Choices(TWICE, 2, parse_target("x2"))
COLOURS = "scale=out_color_matrix=bt709:out_range=tv,format=yuv420p"
TAGS = "setparams=range=tv:color_primaries=bt709:color_trc=bt709:colorspace=bt709"


def make(path: Path, *words: str, frames: int = 12, filters: str = f"{COLOURS},{TAGS}", size: str = "48x32") -> Path:
    """A video of soft moving colours, with a tone."""
    inputs = ["-f", "lavfi", "-i", f"gradients=s={size}:r=24:d={frames / 24}:speed=0.2:seed=5:n=3"]
    inputs += ["-f", "lavfi", "-i", f"sine=440:d={frames / 24}"]
    codec = ["-c:v", "libx264", "-crf", "8"] if "-c:v" not in words else []
    done = subprocess.run(
        [str(program.find()), "-v", "error", "-y", *inputs, "-vf", filters, *codec, *words, str(path)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return path


def packets(path: Path, stream: str) -> list[tuple[float, int]]:
    """Times in seconds and sizes of a stream's packets, in order of time."""
    words = ["-v", "error", "-i", str(path), "-map", f"0:{stream}", "-c", "copy", "-f", "framecrc", "-"]
    text = subprocess.run([str(program.find()), *words], capture_output=True, text=True, check=True).stdout
    found = re.search(r"#tb 0: (\d+)/(\d+)", text)
    assert found is not None
    tick = Fraction(int(found.group(1)), int(found.group(2)))
    rows = [line.split(",") for line in text.splitlines() if line and not line.startswith("#")]
    return sorted((float(int(row[2]) * tick), int(row[4])) for row in rows)


def pixels_of(path: Path) -> list[np.ndarray]:
    return [pixels for _, pixels in frames_of(path)]


def frames_of(path: Path) -> list[tuple[float, np.ndarray]]:
    """With their times in seconds."""
    facts = look(path, probe(path).format)
    reader = FrameReader(path, facts, deep=facts.bits > 8)
    try:
        return [(float(frame.time * facts.base), frame.pixels) for frame in iter(reader.next, None)]
    finally:
        reader.close()


def enlarge(running: Engine, path: Path, choices: Choices = X2) -> Path:
    """The result, which must come without a failure."""
    (one,) = planned([path], choices)
    assert one.state == "ready", one.reason
    with Conveyor(choices) as belt:
        belt.add(0, one)
        events = drive(belt, running)
    assert [str(event.failure) for event in events if event.failure] == []
    shares = [event.share for event in events if event.stage == "working"]
    assert shares == sorted(shares)
    assert one.output is not None
    assert [other.name for other in one.output.parent.iterdir()] == [one.output.name]
    return one.output
