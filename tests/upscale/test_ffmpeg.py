"""The program that reads and writes videos: which one is taken, and how it is spoken to."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.photos.photo import PhotoError
from app.upscale import moving
from app.video import program
from app.video.facts import look
from app.video.tracks import Kept
from tests.upscale.belt import planned
from tests.upscale.films import X2, make


@pytest.mark.skipif(os.name != "posix", reason="there are no groups of processes")
def test_ctrl_c_in_a_terminal_does_not_reach_what_is_started() -> None:
    process = program.start(["-f", "matroska", "-i", "pipe:0", "-f", "null", "-"], subprocess.PIPE, subprocess.DEVNULL)
    with process:
        assert os.getpgid(process.pid) != os.getpgrp()
        process.kill()


@pytest.mark.skipif(os.name != "posix", reason="what is started is made executable by its mode")
def test_no_program_is_started_that_only_lies_where_one_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ffmpeg").write_text("#!/bin/sh\nexit 0\n")
    (tmp_path / "ffmpeg").chmod(0o755)
    monkeypatch.chdir(tmp_path)
    own = program.find()
    for path in ("", ".", "sub/.."):
        monkeypatch.setenv("PATH", os.pathsep.join([path, os.path.dirname(own)]))
        assert program.find() == own
    monkeypatch.setenv("PATH", str(tmp_path))
    assert program.find() == tmp_path / "ffmpeg"


@pytest.mark.skipif(os.name != "posix", reason="what is started is made executable by its mode")
def test_on_macos_it_is_found_where_finder_does_not_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "brew").mkdir()
    (tmp_path / "brew/ffmpeg").write_text("#!/bin/sh\nexit 0\n")
    (tmp_path / "brew/ffmpeg").chmod(0o755)
    monkeypatch.setattr(program, "_OF_MAC", [str(tmp_path / "brew")])
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    monkeypatch.setattr(sys, "platform", "darwin")
    assert program.find() == tmp_path / "brew/ffmpeg"
    monkeypatch.setattr(sys, "platform", "linux")
    with pytest.raises(PhotoError, match="need the program ffmpeg"):
        program.find()


def test_an_older_ffmpeg_is_told_not_to_turn_it_once_more(tmp_path: Path) -> None:
    path = make(tmp_path / "a.mp4", frames=2)
    (one,) = planned([path], X2)
    words = moving.metadata(look(path, "mp4"), one, X2, "", Kept())
    assert words[words.index("-metadata:s:v:0") + 1] == "rotate="


def test_without_ffmpeg_one_sentence_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setitem(program.sys.modules, "imageio_ffmpeg", None)
    (tmp_path / "a.mp4").write_bytes(b"\0\0\0\x18ftypisom\0\0\0\0isommp42" + bytes(400))
    (one,) = planned([tmp_path / "a.mp4"], X2)
    assert one.state == "refused"
    assert one.reason == "Videos need the program ffmpeg. Install it, or get it with: pip install 'ganvas[video]'."
    monkeypatch.setattr(sys, "frozen", True, raising=False)  # the packaged program takes no packages
    (one,) = planned([tmp_path / "a.mp4"], X2)
    assert one.reason == "Videos need the program ffmpeg. Install it, then start Ganvas again."
