"""The ffmpeg program: found on this machine or in the package imageio-ffmpeg, run without ever reaching a network.

It is always a program of its own, spoken to by pipes: Ganvas links none of its libraries and carries none of its files.
"""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from app.photos.photo import PhotoError
from models.extras import is_packaged

# What a video's file may be, by the name that app.photos.formats gives it, and the demuxer that is to read it. It is named
# outright: left to guess, ffmpeg would also take a playlist that calls itself MP4 and open what it points at.
DEMUXERS = {
    "mp4": "mov",
    "mov": "mov",
    "mkv": "matroska",
    "webm": "matroska",
    "avi": "avi",
    "ts": "mpegts",
    "mpg": "mpeg",
    "wmv": "asf",
    "flv": "flv",
}
_OF_MAC = ["/opt/homebrew/bin", "/usr/local/bin", "/opt/local/bin"]
NO_WINDOW = 0x08000000 if sys.platform == "win32" else 0  # CREATE_NO_WINDOW


def find() -> Path:
    """The program; `PhotoError` says what to install where there is none.

    The machine's own comes first: its owner keeps it up to date. It is looked for in the folders that PATH names in full alone:
    in the current one (where Windows and `shutil.which` look first there) lie a stranger's photos, as a rule. On macOS a program
    that Finder starts has a PATH without the folders of Homebrew and MacPorts, so these are looked into besides.
    """
    name = "ffmpeg.exe" if sys.platform == "win32" else "ffmpeg"
    for folder in os.get_exec_path() + (_OF_MAC if sys.platform == "darwin" else []):
        if os.path.isabs(folder) and (found := shutil.which(os.path.join(folder, name))) is not None:
            return Path(found)
    try:
        import imageio_ffmpeg

        return Path(imageio_ffmpeg.get_ffmpeg_exe())
    except (ImportError, RuntimeError) as error:
        hint = "Install it, or get it with: pip install 'ganvas[video]'."
        if is_packaged():
            hint = "Install it, then start Ganvas again."
        raise PhotoError("Videos need the program ffmpeg.", hint) from error


def reading(path: Path, format: str) -> list[str]:
    """The words that open a person's file, and nothing else, as the next input."""
    return ["-protocol_whitelist", "file", "-f", DEMUXERS[format], "-i", f"file:{os.path.abspath(path)}"]


def start(words: Sequence[str], stdin: int, stdout: int, folder: Path | None = None) -> subprocess.Popen[bytes]:
    """Run ffmpeg, in `folder` where one is given; its report comes by `stderr`, each line with its level in brackets."""
    command = [str(find()), "-hide_banner", "-nostdin", "-nostats", "-loglevel", "level+info", *words]
    return subprocess.Popen(
        command,
        stdin=stdin,
        stdout=stdout,
        stderr=subprocess.PIPE,
        creationflags=NO_WINDOW,
        start_new_session=True,  # Ctrl-C in a terminal would reach it too: who began it ends it
        bufsize=0,
        cwd=folder,
    )


def run(words: Sequence[str], seconds: float | None = None, folder: Path | None = None) -> tuple[int, bytes, list[str]]:
    """Run ffmpeg to its end: exit code, what it wrote to its standard output, the lines of its report; `folder` as in `start`."""
    process = start(words, subprocess.DEVNULL, subprocess.PIPE, folder)
    try:
        out, report = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired as error:
        raise PhotoError("ffmpeg did not come to an end with it.") from error
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
    return process.returncode, out, report.decode("utf-8", "replace").splitlines()


def said(program: Path, *words: str) -> str:
    """What this program says of itself."""
    done = subprocess.run(
        [str(program), *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        creationflags=NO_WINDOW,
        timeout=60,
    )
    return done.stdout.decode("utf-8", "replace")


@functools.cache
def as_they_come(program: Path) -> tuple[str, str]:
    """The words that keep ffmpeg from doubling and dropping frames; they were spelled otherwise before version 5.1."""
    version = re.search(
        r"version n?(\d+)\.(\d+)", said(program, "-version")
    )  # a build between versions tells a date: it is newer
    old = version is not None and (int(version.group(1)), int(version.group(2))) < (5, 1)
    return ("-vsync", "passthrough") if old else ("-fps_mode", "passthrough")


@functools.cache
def encoders(program: Path) -> frozenset[str]:
    """Names of the encoders that this program was built with."""
    return frozenset(re.findall(r"^ V\S{5} (\S+)", said(program, "-hide_banner", "-encoders"), re.MULTILINE))


def complaint(report: Sequence[str]) -> str:
    """The first thing a report calls an error, without the names of ffmpeg's parts; empty where it calls nothing one."""
    for line in report:
        found = re.match(r"(?:\[[^]]* @ [^]]*\] )?\[(?:error|fatal)\] (.*)", line)
        if found and found.group(1).strip():
            return found.group(1).strip().rstrip(".")
    return ""


def ended_early(report: Sequence[str]) -> bool:
    """Whether a report says that the file ends before the video does (which is no error to ffmpeg)."""
    return any(mark in line for line in report for mark in ("ended prematurely", "partial file", "moov atom not found"))
