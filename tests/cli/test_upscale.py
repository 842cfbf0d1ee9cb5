"""`ganvas upscale`: what it enlarges, what it says, and with which code it ends."""

import errno
import io
import json
import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from app.__main__ import main
from app.cli.options import NOTHING_DONE, OK, SOME_FAILED, USAGE
from app.photos.decoding import decode
from app.upscale.journal import Journal
from app.upscale.plan import Choices, Planned
from tests.cli.upscaling import ROOT, lines, upscale
from tests.upscale.belt import doubled, photos

pytestmark = pytest.mark.usefixtures("log_is_closed", "with_model")


def test_a_folder_is_enlarged_with_its_tree(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    named = photos(tmp_path / "in", 3)
    (tmp_path / "in/deep").mkdir()
    named[2].rename(tmp_path / "in/deep/photo2.png")
    assert upscale(tmp_path / "in", "--recursive", "--out", tmp_path / "out") == OK
    made = sorted(str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*.png"))
    assert made == ["deep/photo2_twice_x2.png", "photo0_twice_x2.png", "photo1_twice_x2.png"]
    assert np.abs(decode(tmp_path / "out" / made[1]).pixels.astype(int) - doubled(decode(named[0]).pixels)).max() <= 1
    assert f"{named[0]} -> " in capsys.readouterr().out


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are text elsewhere")
@pytest.mark.parametrize(("encoding", "said"), [("utf-8", b"photo\xff.png"), ("cp1252", b"photo\\udcff.png")])
def test_a_name_that_is_no_text_is_taken_and_said(
    encoding: str, said: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (named,) = photos(tmp_path / "in", 1)
    odd = os.fsencode(tmp_path / "in") + b"/photo\xff.png"
    os.rename(named, odd)
    for words in ((), ("--json",)):
        out = io.TextIOWrapper(io.BytesIO(), encoding)
        monkeypatch.setattr("sys.stdout", out)
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(odd + b"\n"), "utf-8"))
        assert upscale("-", "--dry-run", *words) == OK
        out.seek(0)
        if words:
            assert json.loads(out.readline())["source"] == os.fsdecode(odd)
        else:
            assert said in out.buffer.read()


def test_names_that_null_characters_part_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    names = b"\0".join(os.fsencode(path) for path in photos(tmp_path / "in", 2))
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(names), "utf-8"))
    assert upscale("-") == USAGE
    assert "one on a line" in capsys.readouterr().err


def test_a_place_with_several_models_is_not_taken_for_its_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    both = tmp_path / "both"
    both.mkdir()
    for file in ("compact/tiny-x2-params_ema.pth", "esrgan/oldarch-x1.pth"):
        shutil.copy(ROOT / "tests" / "fixtures" / "checkpoints" / file, both)
    assert main(["upscale", "--model", str(both), str(photos(tmp_path / "in", 1)[0]), "--out", str(tmp_path)]) == NOTHING_DONE
    assert "holds 2 models. Add it with `ganvas models add` and choose one by name." in capsys.readouterr().err


def test_a_command_that_cannot_be_meant_leaves_no_job_to_go_on_with(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photos(tmp_path / "in", 1)
    assert upscale(tmp_path / "in", "--ray", "nowhere:1") == USAGE
    assert "--device is of this machine, --ray computes on others: leave one out." in capsys.readouterr().err
    with Journal() as journal:
        assert journal.unfinished() == []


def test_without_recursive_sub_folders_are_left_alone(tmp_path: Path) -> None:
    photos(tmp_path / "in", 1)
    photos(tmp_path / "in/deep", 1)
    assert upscale(tmp_path / "in", "--out", tmp_path / "out") == OK
    assert [path.name for path in (tmp_path / "out").rglob("*.png")] == ["photo0_twice_x2.png"]


def test_one_bad_file_is_listed_and_the_others_are_done(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    named = photos(tmp_path / "in", 3)
    named[0].write_bytes(named[0].read_bytes()[:300])
    named[1].write_bytes(b"")
    assert upscale(tmp_path / "in", "--out", tmp_path / "out", "--json") == SOME_FAILED
    said = lines(capsys.readouterr().out)
    failed = {Path(str(line["subject"])).name: str(line["what"]) for line in said if line["event"] == "failed"}
    assert failed.keys() == {"photo0.png", "photo1.png"}
    assert "empty" in failed["photo1.png"]
    (done,) = [line for line in said if line["event"] == "done"]
    assert (done["width"], done["height"]) == (60, 40)
    assert Path(str(done["output"])).stat().st_size == done["bytes"]


def test_a_folder_without_photos_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "in").mkdir()
    assert upscale(tmp_path / "in") == OK
    assert "There are no photos in what was named." in capsys.readouterr().err


def test_when_nothing_could_be_done_the_code_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "text.png").write_text("no picture")
    assert upscale(tmp_path / "text.png", "--out", tmp_path / "out") == NOTHING_DONE
    assert upscale(tmp_path / "missing.png", "--out", tmp_path / "out") == NOTHING_DONE
    assert "No such file" in capsys.readouterr().err


def test_a_place_that_cannot_be_written_is_told_before_the_first_photo(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photos(tmp_path / "in", 2)
    (tmp_path / "blocked").write_text("a file")
    assert upscale(tmp_path / "in", "--out", tmp_path / "blocked/out") == NOTHING_DONE
    assert "cannot be made" in capsys.readouterr().err


def test_a_dry_run_says_names_and_sizes_and_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photos(tmp_path / "in", 2)
    assert upscale(tmp_path / "in", "--out", tmp_path / "out", "--to", "100w", "--format", "webp", "--dry-run") == OK
    said = capsys.readouterr()
    assert "photo0_twice_x3.33.webp  100x67" in said.out
    assert "2 photos, about 1 MB." in said.err
    assert not (tmp_path / "out").exists()


def test_a_dry_run_goes_on_behind_a_file_that_the_disk_refuses(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _ = photos(tmp_path / "in", 2)

    def ahead(planned: Planned, choices: Choices) -> tuple[str, ...]:
        if planned.source == first:
            raise OSError(errno.ENOSPC, "No space left on device")
        return ()

    monkeypatch.setattr("app.cli.upscale.notes_ahead", ahead)
    assert upscale(tmp_path / "in", "--out", tmp_path / "out", "--dry-run") == SOME_FAILED
    said = capsys.readouterr().err
    assert "photo0.png: No space left on device." in said
    assert "1 photo, about 1 MB." in said


def test_what_exists_is_skipped_renamed_or_overwritten(tmp_path: Path) -> None:
    photos(tmp_path / "in", 1)
    for choice, count in (("rename", 1), ("rename", 2), ("skip", 2), ("overwrite", 2)):
        assert upscale(tmp_path / "in", "--out", tmp_path / "out", "--on-exists", choice) == OK
        assert len(list((tmp_path / "out").iterdir())) == count


def test_a_list_that_was_written_on_windows_is_understood(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    named = photos(tmp_path / "in", 3)
    if sys.platform == "linux":
        named[2] = named[2].rename(tmp_path / "in" / "photo2.png\r")
    text = "\ufeff" + "".join(f"{path}\r\n" for path in named[:2]) + f"\r\n{named[2]}\n\ufeff\n"
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode()), "utf-8", newline="\n"))
    assert upscale("-", "--dry-run", "--json") == OK
    told = lines(capsys.readouterr().out)
    assert [line["source"] for line in told if "source" in line] == [str(path) for path in named]


def test_names_come_from_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named = photos(tmp_path / "in", 2)
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n".join(map(str, named)) + "\n"))
    assert upscale("-", "--out", tmp_path / "out") == OK
    assert len(list((tmp_path / "out").iterdir())) == 2


@pytest.mark.parametrize(
    "words",
    [
        ["--scale", "0"],
        ["--to", "large"],
        ["--scale", "2", "--to", "100w"],
        ["--format", "gif"],
        ["--name", "{who}"],
        ["--name", "fixed"],
        ["--quality", "0"],
        ["--strength", "2"],
    ],
)
def test_what_cannot_be_meant_is_an_error_of_usage(tmp_path: Path, words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert upscale(tmp_path, "--out", tmp_path / "out", *words) == USAGE
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_model_that_is_not_there_or_does_something_else_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photos(tmp_path / "in", 1)
    assert main(["upscale", str(tmp_path / "in"), "--model", "nobody"]) == NOTHING_DONE
    assert "nobody" in capsys.readouterr().err


def test_without_a_model_the_best_quick_one_is_taken(tmp_path: Path) -> None:
    photos(tmp_path / "in", 1)
    assert main(["upscale", str(tmp_path / "in"), "--device", "cpu", "--out", str(tmp_path / "out"), "--format", "png"]) == OK
    assert len(list((tmp_path / "out").iterdir())) == 1
