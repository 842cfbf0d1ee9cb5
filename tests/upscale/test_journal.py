"""The journal knows what is done, whatever ended the program, and one process works on a job at a time."""

import errno
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.photos import placing
from app.upscale import recall
from app.upscale.journal import Journal, JournalError, key_of
from app.upscale.plan import Choices, Planned
from app.upscale.sizes import parse_target
from app.video.reel import folder_of
from tests.upscale.belt import TWICE, photos, planned

X2 = Choices(TWICE, 2, parse_target("x2"), format="png")


def test_a_job_comes_back_as_it_was_noted(tmp_path: Path) -> None:
    named = photos(tmp_path / "in", 4)
    named[3].write_text("no picture")
    plan = planned(named, X2)
    with Journal() as journal:
        job = journal.begin(X2, plan, "key")
        journal.mark(job, 0, "done", seconds=1.5)
        journal.mark(job, 1, "failed", "It is cut off.")
    with Journal() as journal:
        facts = journal.find("key")
        assert facts is not None
        assert (facts.choices, facts.waiting, facts.done, facts.failed, facts.total) == (X2, 1, 1, 2, 4)
        entries = list(journal.entries(job))
        assert [entry.state for entry in entries] == ["done", "failed", "waiting", "refused"]
        assert [entry.planned.output for entry in entries] == [one.output for one in plan]
        assert entries[2].planned.passes == plan[2].passes
        assert entries[2].planned.facts == plan[2].facts
        plan[0].output.parent.mkdir()  # type: ignore[union-attr]
        plan[0].output.write_bytes(b"the result")  # type: ignore[union-attr]
        journal.reopen(job)
        assert [entry.place for entry in journal.entries(job, ["waiting"])] == [1, 2]
        plan[0].output.unlink()  # type: ignore[union-attr]
        journal.reopen(job)
        assert [entry.place for entry in journal.entries(job, ["waiting"])] == [0, 1, 2]


def test_a_finished_job_is_not_offered_and_an_extended_one_is(tmp_path: Path) -> None:
    plan = planned(photos(tmp_path / "in", 2), X2)
    with Journal() as journal:
        job = journal.begin(X2, plan[:1], "key")
        journal.end(job)
        assert journal.find("key") is not None
        assert journal.unfinished() == []
        journal.extend(job, plan[1:])
        assert [facts.id for facts in journal.unfinished()] == [job]


@pytest.mark.skipif(os.name != "posix", reason="other systems have no names of any bytes")
def test_names_that_are_no_text_survive(tmp_path: Path) -> None:
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe.png"))
    photos(tmp_path, 1)[0].rename(odd)
    with Journal() as journal:
        job = journal.begin(X2, planned([odd], X2))
        (entry,) = journal.entries(job)
    assert entry.planned.source == odd
    assert entry.planned.output is not None


def test_others_can_note_while_the_photos_of_a_job_are_looked_at(tmp_path: Path) -> None:
    plan = planned(photos(tmp_path / "in", 1), X2)
    with Journal(tmp_path / "journal.sqlite") as mine, Journal(tmp_path / "journal.sqlite") as other:
        mine._base.execute("PRAGMA busy_timeout=0")
        job = mine.begin(X2, plan)

        def looked_at() -> Iterator[Planned]:
            for one in plan:
                mine.mark(job, 0, "done")
                yield one

        other.begin(X2, looked_at())
        other.extend(job, looked_at())
        assert [entry.state for entry in other.entries(job)] == ["done", "waiting"]


def test_two_processes_do_not_work_on_one_job(tmp_path: Path) -> None:
    plan = planned(photos(tmp_path / "in", 1), X2)
    with Journal() as mine, Journal() as other:
        job = mine.begin(X2, plan)
        with mine.claimed(job):
            for _ in range(2):  # who was refused must not have taken the lock away
                with pytest.raises(JournalError, match="Another Ganvas"), other.claimed(job):
                    pass
        with other.claimed(job):
            pass


def test_a_job_that_is_worked_on_elsewhere_is_not_offered(tmp_path: Path) -> None:
    plan = planned(photos(tmp_path / "in", 1), X2)
    with Journal() as journal:
        job = journal.begin(X2, plan)
        with journal.claimed(job):
            assert recall.interrupted() is None
        assert recall.interrupted() == (job, 0, 1)


def segments_of(output: Path | None) -> Path:
    assert output is not None
    folder = folder_of(output)
    folder.mkdir(parents=True)
    (folder / "000000.mp4").write_bytes(b"frames")
    return folder


def test_segments_of_a_video_go_with_the_job_that_nobody_goes_on_with(tmp_path: Path) -> None:
    plan = [replace(one, format="mp4") for one in planned(photos(tmp_path / "in", 3), X2)]
    given_up, taken_over, failed = (segments_of(one.output) for one in plan)
    with Journal() as journal:
        job = journal.begin(X2, plan)
        journal.mark(job, 2, "failed", "It is cut off.")
        journal.begin(X2, plan[1:2])  # goes on behind the same segments
        journal.end(job)
    assert not given_up.exists()
    assert taken_over.exists()
    assert failed.exists()  # to be tried again


def test_segments_of_a_failed_video_go_when_its_job_is_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.upscale.journal.KEPT_JOBS", 1)
    plan = [replace(one, format="mp4") for one in planned(photos(tmp_path / "in", 1), X2)]
    segments = segments_of(plan[0].output)
    with Journal() as journal:
        for _ in range(2):
            job = journal.begin(X2, plan)
            journal.mark(job, 0, "failed", "The encoder gave up.")
            journal.end(job)
        journal.end(journal.begin(X2, []))  # forgets the first one; the second may still be tried again
        assert segments.exists()
        journal.end(journal.begin(X2, []))
        journal.begin(X2, [])
    assert not segments.exists()


def test_a_job_that_lay_for_a_month_is_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = [replace(one, format="mp4") for one in planned(photos(tmp_path / "in", 1), X2)]
    segments = segments_of(plan[0].output)
    with Journal() as journal:
        job = journal.begin(X2, plan)
        assert recall.interrupted() == (job, 0, 1)
        monkeypatch.setattr(recall, "OFFERED_SECONDS", -1.0)
        with journal.claimed(job):
            assert recall.interrupted() is None
        assert segments.exists()  # somebody works on it
        assert recall.interrupted() is None
        assert not segments.exists()
        assert journal.unfinished() == []


def test_a_job_that_was_gone_on_with_lately_is_not_over_however_old_it_is(tmp_path: Path) -> None:
    plan = [replace(one, format="mp4") for one in planned(photos(tmp_path / "in", 1), X2)]
    segments = segments_of(plan[0].output)
    with Journal() as journal:
        job = journal.begin(X2, plan)
        journal._base.execute("UPDATE jobs SET began=0")
        with journal.claimed(job):
            pass
        assert recall.interrupted() == (job, 0, 1)
    assert segments.exists()


def test_what_a_dead_process_left_half_written_is_swept_and_nothing_else(tmp_path: Path) -> None:
    plan = planned(photos(tmp_path / "in", 1), X2)
    folder = tmp_path / "in/upscaled"
    folder.mkdir()
    with Journal() as journal:
        job = journal.begin(X2, plan)
        journal._base.execute("UPDATE jobs SET token='dead'")
        for name in (".ganvas-dead-abc.part", f".ganvas-{placing.TOKEN}-x.part", ".ganvas-other-1.part", "mine.png"):
            (folder / name).write_bytes(b"x")
        with journal.claimed(job):
            pass
        left = {f".ganvas-{placing.TOKEN}-x.part", ".ganvas-other-1.part", "mine.png"}
        assert {path.name for path in folder.iterdir()} == left
        with journal.claimed(job):  # once more: what this process writes just now is its own
            pass
        assert {path.name for path in folder.iterdir()} == left


def test_a_journal_of_a_newer_ganvas_or_of_garbage_is_told_in_words(tmp_path: Path) -> None:
    newer = tmp_path / "newer.sqlite"
    with sqlite3.connect(newer) as base:
        base.execute("PRAGMA user_version=99")
    with pytest.raises(JournalError, match="newer"):
        Journal(newer)
    garbage = tmp_path / "garbage.sqlite"
    garbage.write_bytes(b"this is no database at all, however long it may be" * 100)
    with pytest.raises(JournalError, match="move"):
        Journal(garbage)


@pytest.mark.parametrize(("version", "missing"), [(1, [("photos", "mask"), ("jobs", "disk")]), (2, [("jobs", "disk")])])
def test_a_journal_of_an_older_ganvas_is_taken_over(tmp_path: Path, version: int, missing: list[tuple[str, str]]) -> None:
    plan = planned(photos(tmp_path / "in", 2), X2)
    with Journal() as journal:
        job = journal.begin(X2, plan)
        path = journal.path
    base = sqlite3.connect(path)
    for table, column in missing:
        base.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
    base.execute(f"PRAGMA user_version={version}")
    base.close()
    with Journal() as journal:
        journal.check_disk(job)
        assert [entry.planned.source for entry in journal.entries(job)] == [one.source for one in plan]
        assert journal.begin(X2, plan) == job + 1


def test_old_finished_jobs_are_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.upscale.journal.KEPT_JOBS", 2)
    plan = planned(photos(tmp_path / "in", 1), X2)
    with Journal() as journal:
        jobs = []
        for _ in range(5):
            jobs.append(journal.begin(X2, plan))
            with journal.claimed(jobs[-1]):
                journal.end(jobs[-1])
        assert journal.facts(jobs[0]) is None
        assert len(list((journal.path.parent / "locks").iterdir())) == 3  # nor is a lock kept for a job that is not there
        assert journal.facts(jobs[-1]) is not None


def test_a_job_in_which_photos_wait_is_never_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.upscale.journal.KEPT_JOBS", 1)
    plan = planned(photos(tmp_path / "in", 1), X2)
    with Journal() as journal:
        waiting = journal.begin(X2, plan)
        for _ in range(4):
            journal.end(journal.begin(X2, plan))
        assert [facts.id for facts in journal.unfinished()] == [waiting]


def test_the_same_command_has_the_same_key_and_another_has_not(tmp_path: Path) -> None:
    named = [tmp_path / "a"]
    assert key_of(X2, named) == key_of(X2, [tmp_path / "b/../a"])
    assert key_of(X2, named) != key_of(X2, [tmp_path / "b"])


def test_a_journal_that_has_no_place_says_so_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file where a folder should be")
    with pytest.raises(JournalError, match="has no place"):
        Journal(tmp_path / "home" / "state" / "journal.sqlite")


@pytest.mark.parametrize("links", [True, False])
def test_a_file_that_is_not_to_replace_another_leaves_it_and_no_rest(
    links: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "no links here")

    if not links:
        monkeypatch.setattr(os, "link", refuse)
    path = tmp_path / "result.png"
    placing.write(path, [b"first"], replacing=False)
    with pytest.raises(placing.NameTaken):
        placing.write(path, [b"second"], replacing=False)
    assert path.read_bytes() == b"first"
    assert list(tmp_path.iterdir()) == [path]
    assert path.stat().st_nlink == 1
    placing.write(path, [b"third"])
    assert path.read_bytes() == b"third"
    plain = tmp_path / "plain"
    plain.touch()
    assert path.stat().st_mode == plain.stat().st_mode  # for the eyes that any file of this person is for
