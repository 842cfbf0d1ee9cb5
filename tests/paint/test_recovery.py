"""What was painted is found again, whatever ended the program."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from app.paint.state.drawing import blank
from app.paint.state.recovery import Recovery
from app.paint.state.tools import Tools
from tests.paint.sheet import LABELS, new_document, stroke


def test_a_drawing_that_was_written_aside_comes_back() -> None:
    document = new_document()
    stroke(document, Tools(label=8, size=20), [(30, 20), (40, 30)])
    recovery = Recovery()
    assert recovery.read() is None
    recovery.opened()
    recovery.write(document.drawing)
    found = Recovery().read()
    assert found is not None
    assert found.interrupted
    assert np.array_equal(found.drawing.label_map(), document.map)
    recovery.closed()
    again = Recovery().read()
    assert again is not None
    assert not again.interrupted


def test_a_recovery_file_that_cannot_be_read_is_set_aside(expected_warnings: list[str]) -> None:
    expected_warnings.append("cannot be read")
    recovery = Recovery()
    recovery.write(blank(64, 64, LABELS))
    recovery.file.write_bytes(b"half a file")
    assert recovery.read() is None
    assert not recovery.file.exists()
    assert recovery.file.with_suffix(".broken").read_bytes() == b"half a file"


def test_a_disk_that_refuses_gives_its_reason_and_one_that_takes_it_gives_none(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    assert Recovery(folder=tmp_path / "file" / "inside").write(blank(64, 64, LABELS)).endswith(".")
    assert Recovery(folder=tmp_path / "folder").write(blank(64, 64, LABELS)) == ""


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is POSIX'")
def test_a_program_that_is_killed_while_it_writes_leaves_a_whole_drawing() -> None:
    script = textwrap.dedent(
        """
        import numpy as np, itertools
        from app.paint.state.drawing import from_map
        from app.paint.state.recovery import Recovery
        from tests.paint.sheet import LABELS
        recovery = Recovery()
        recovery.opened()
        for number in itertools.cycle(label.id for label in LABELS):
            recovery.write(from_map(np.full((600, 800), number, np.uint8), LABELS))
            print(number, flush=True)
        """
    )
    for wait in (1, 4, 9):
        with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            for _ in range(wait):
                child.stdout.readline()
            child.send_signal(signal.SIGKILL)
        found = Recovery().read()
        assert found is not None
        assert found.interrupted
        assert len(np.unique(found.drawing.label_map())) == 1
