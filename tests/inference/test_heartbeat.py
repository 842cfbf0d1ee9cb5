"""The window's thread goes on while torch is imported. The figure is printed; how long is a matter of the machine."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "gui_pause.py"


def test_importing_torch_does_not_stop_the_window_for_long(capsys: pytest.CaptureFixture[str]) -> None:
    done = subprocess.run([sys.executable, str(BENCHMARK), "--part", "import"], capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    heart = json.loads(done.stdout.splitlines()[-1])
    with capsys.disabled():
        sys.stdout.write(f"\nworst pause while torch is imported: {heart['worst']:.0f} ms, net {heart['net worst']:.0f} ms\n")
    assert heart["beats"] > 20, "the window's thread hardly lived"
    assert heart["net worst"] < 2000
