"""The dry run tells every name, size and collision before anything starts."""

import os
import unicodedata
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.photos.encoding import encode
from app.photos.photo import Photo, PhotoFacts
from app.upscale import naming, results
from app.upscale.inputs import Found, gather
from app.upscale.plan import Choices, Planned, Planner, plan_all, result_by
from app.upscale.sizes import Target, parse_target

SMALL = np.zeros((6, 8, 3), np.uint8)
CHOICES = Choices("photo-x4", 4, format="png")


def photo(path: Path, pixels: np.ndarray = SMALL, format: str | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    encode(Photo(pixels), path, format)
    return path


def planned(named: list[Path], choices: Choices = CHOICES, recursive: bool = True) -> list[Planned]:
    return list(plan_all(gather(named, recursive, ["upscaled"]), choices))


def test_a_folder_is_walked_in_natural_order_and_its_tree_is_kept(tmp_path: Path) -> None:
    for name in ("a/img10.png", "a/img2.png", "a/deep/er/x.png", "a/.hidden.png", "a/notes.txt.png"):
        photo(tmp_path / name)
    (tmp_path / "a/readme.txt").write_text("not a picture, and not called one")
    found = planned([tmp_path / "a"], replace(CHOICES, into=tmp_path / "out"))
    assert [str(p.output.relative_to(tmp_path / "out")) for p in found if p.output] == [
        "img2_photo-x4_x4.png",
        "img10_photo-x4_x4.png",
        "notes.txt_photo-x4_x4.png",
        "deep/er/x_photo-x4_x4.png",
    ]
    assert len(planned([tmp_path / "a"], recursive=False)) == 3


def test_results_stand_beside_each_photo_and_are_not_enlarged_again(tmp_path: Path) -> None:
    photo(tmp_path / "a/x.png")
    photo(tmp_path / "a/b/y.png")
    photo(tmp_path / "a/upscaled/x_photo-x4_x4.png")
    found = planned([tmp_path / "a"])
    assert [p.output for p in found] == [
        tmp_path / "a/upscaled/x_photo-x4_x4 (2).png",
        tmp_path / "a/b/upscaled/y_photo-x4_x4.png",
    ]


def test_a_chosen_folder_inside_the_photos_folder_is_left_out(tmp_path: Path) -> None:
    photo(tmp_path / "x.png")
    photo(tmp_path / "big/x.png")
    assert [found.path.name for found in gather([tmp_path], True, [tmp_path / "big"])] == ["x.png"]


@pytest.mark.skipif(os.name != "posix", reason="links need rights elsewhere")
def test_links_that_run_in_circles_end(tmp_path: Path) -> None:
    photo(tmp_path / "a/x.png")
    (tmp_path / "a/again").symlink_to(tmp_path / "a")
    (tmp_path / "a/self").symlink_to(tmp_path / "a/self")
    (tmp_path / "a/gone.png").symlink_to(tmp_path / "nowhere.png")
    (tmp_path / "a/twin.png").hardlink_to(tmp_path / "a/x.png")
    (tmp_path / "a/shadow.png").symlink_to(tmp_path / "a/x.png")
    found = list(gather([tmp_path / "a"]))
    assert [f.path.name for f in found if not f.problem] == ["shadow.png", "twin.png"]
    assert {f.path.name for f in found if f.problem} == {"gone.png", "self"}


def test_what_is_named_but_missing_or_no_picture_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "text.jpg").write_text("no picture")
    (tmp_path / "empty.png").write_bytes(b"")
    found = planned([tmp_path / "missing.jpg", tmp_path / "text.jpg", tmp_path / "empty.png"])
    assert [p.state for p in found] == ["refused"] * 3
    assert found[0].reason == "No such file or directory."
    assert "not a picture" in found[1].reason
    assert found[2].reason == "The file is empty."


def test_a_wrong_extension_or_none_does_not_matter(tmp_path: Path) -> None:
    for name in ("really.jpg", "none", "odd.dat"):
        photo(tmp_path / name, format="png")
    assert [p.facts.format for p in planned([tmp_path]) if p.facts] == ["png"] * 3


def test_two_photos_never_get_one_name(tmp_path: Path) -> None:
    photo(tmp_path / "a.png")
    photo(tmp_path / "a.jpg")
    photo(tmp_path / "a.webp")
    names = [p.output.name for p in planned([tmp_path]) if p.output]
    assert names == ["a_photo-x4_x4.png", "a_photo-x4_x4 (2).png", "a_photo-x4_x4 (3).png"]


def test_names_that_differ_in_case_or_in_the_spelling_of_accents_count_as_one() -> None:
    assert naming.key("/A/Grün.png") == naming.key("/a/" + unicodedata.normalize("NFD", "grün") + ".PNG")


@pytest.mark.parametrize(
    ("on_exists", "state", "name"),
    [
        ("skip", "skipped", "x_photo-x4_x4.png"),
        ("rename", "ready", "x_photo-x4_x4 (2).png"),
        ("overwrite", "ready", "x_photo-x4_x4.png"),
    ],
)
def test_what_is_there_is_skipped_renamed_or_overwritten(tmp_path: Path, on_exists: str, state: str, name: str) -> None:
    photo(tmp_path / "x.png")
    photo(tmp_path / "out/x_photo-x4_x4.png")
    (one,) = planned([tmp_path / "x.png"], replace(CHOICES, into=tmp_path / "out", on_exists=on_exists))  # type: ignore[arg-type]
    assert (one.state, one.output and one.output.name) == (state, name)


def test_an_original_is_never_overwritten(tmp_path: Path) -> None:
    choices = replace(CHOICES, into=tmp_path, template="{name}", on_exists="overwrite")
    photo(tmp_path / "x.png")
    photo(tmp_path / "y.png")
    outputs = {p.output for p in planned([tmp_path / "x.png", tmp_path / "y.png"], choices)}
    assert outputs == {tmp_path / "x (2).png", tmp_path / "y (2).png"}


def test_a_folder_of_a_results_name_stays_and_the_result_gets_another(tmp_path: Path) -> None:
    photo(tmp_path / "x.png")
    (tmp_path / "out" / "x_m_x4.png").mkdir(parents=True)
    choices = replace(CHOICES, into=tmp_path / "out", template="{name}_m_x{scale}", on_exists="overwrite")
    (one,) = planned([tmp_path / "x.png"], choices)
    assert one.output == tmp_path / "out" / "x_m_x4 (2).png"


@pytest.mark.skipif(os.name == "nt", reason="links take a privilege there")
def test_an_original_is_never_overwritten_through_a_link(tmp_path: Path) -> None:
    named = [photo(tmp_path / "photos" / name) for name in ("x.png", "y.png")]
    (tmp_path / "out").symlink_to(tmp_path / "photos", target_is_directory=True)
    choices = replace(CHOICES, into=tmp_path / "out", template="{name}", on_exists="overwrite")
    assert [p.output and p.output.name for p in planned([tmp_path / "photos"], choices)] == ["x (2).png", "y (2).png"]
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "x.png").symlink_to(named[0])
    (one,) = planned([tmp_path / "linked"], choices)
    assert one.output == tmp_path / "out" / "x (2).png"
    other = photo(tmp_path / "photos" / "x (2).png")  # no photo of the job: it was chosen that it goes
    (one,) = planned([tmp_path / "linked"], choices)
    assert (one.output and one.output.name, one.replaces) == (other.name, True)


def test_what_a_format_cannot_hold_is_refused_with_a_hint(tmp_path: Path) -> None:
    photo(tmp_path / "long.png", np.zeros((2, 5000, 3), np.uint8))
    photo(tmp_path / "deep.png", np.zeros((6, 8, 3), np.uint16))
    photo(tmp_path / "clear.png", np.zeros((6, 8, 4), np.uint8))

    def reasons(format: str, reduce: bool = False) -> dict[str, str]:
        choices = replace(CHOICES, format=format, reduce=reduce)
        return {p.source.name: p.reason for p in planned([tmp_path], choices) if p.state == "refused"}

    assert set(reasons("webp")) == {"long.png", "deep.png"}
    assert "choose JPEG, PNG or TIFF" in reasons("webp")["long.png"]
    assert "allow 8 bits" in reasons("jpeg")["deep.png"]
    assert "transparency" in reasons("jpeg")["clear.png"]
    assert not reasons("jpeg", reduce=True)
    assert not reasons("tiff")


def test_a_result_beyond_all_measure_is_refused(tmp_path: Path) -> None:
    photo(tmp_path / "wide.png", np.zeros((3000, 4000, 3), np.uint8))
    (one,) = planned([tmp_path / "wide.png"], replace(CHOICES, target=Target("factor", 64)))
    assert one.state == "refused"
    assert "megapixels: choose a smaller size" in one.reason


def test_a_format_that_cannot_be_written_becomes_png(tmp_path: Path) -> None:
    photo(tmp_path / "x.png").rename(tmp_path / "keep.png")
    photo(tmp_path / "y.jpg")
    from PIL import Image

    Image.new("RGB", (4, 4)).save(tmp_path / "z.bmp")
    names = [p.output.suffix for p in planned([tmp_path], replace(CHOICES, format=None)) if p.output]
    assert names == [".png", ".jpg", ".png"]


@pytest.mark.parametrize("template", ["{name", "{who}", "fixed", "{name:>9}", "a/{name}", "{name!r}", "{name[0]}", "{0}{name}"])
def test_a_template_that_cannot_be_filled_is_told(template: str) -> None:
    with pytest.raises(naming.TemplateError, match=r"\.$"):
        naming.check_template(template)


def test_a_template_fills_its_fields(tmp_path: Path) -> None:
    photo(tmp_path / "x.png")
    choices = replace(CHOICES, template="{name}-{width}x{height}-{scale}-{model}", target=parse_target("20w"))
    (one,) = planned([tmp_path / "x.png"], choices)
    assert one.output is not None
    assert one.output.name == "x-20x15-2.5-photo-x4.png"


@given(st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="/\0"), min_size=1, max_size=255))
def test_any_name_becomes_one_that_every_file_system_takes(name: str) -> None:
    filled = naming.fill(
        naming.DEFAULT_TEMPLATE, {"name": name, "model": "photo-x4", "scale": "4", "width": "1", "height": "1"}, "png"
    )
    assert len(filled.encode()) <= 255
    assert filled.endswith("_photo-x4_x4.png")
    assert not set(filled) & set('<>:"/\\|?*')
    again = naming.numbered(filled, 12)
    assert len(again.encode()) <= 255
    assert again.endswith(" (12).png")


@pytest.mark.parametrize("letters", range(6))
def test_a_name_that_is_cut_keeps_an_accent_with_its_letter(letters: int) -> None:
    filled = naming.fill("{name}", {"name": "x" * letters + "e\u0301" * 100}, "png")
    assert 250 < len(filled.encode()) <= 255
    assert filled.count("e") == filled.count("\u0301")


def test_a_free_name_is_borne_by_nothing_and_meant_for_nothing(tmp_path: Path) -> None:
    (tmp_path / "a (2).png").touch()
    (tmp_path / "a (4).png").symlink_to("nowhere")
    taken = {naming.key(str(tmp_path / "A (3).PNG"))}
    assert naming.free(tmp_path / "a.png", taken) == tmp_path / "a (5).png"


def test_reserved_names_of_windows_are_avoided() -> None:
    assert naming.fill("{name}", {"name": "con"}, "png") == "_con.png"


def test_choices_survive_as_json() -> None:
    import json

    choices = replace(CHOICES, into=Path("/out"), target=parse_target("30x20cm@300"), strength=0.5)
    assert Choices.from_dict(json.loads(json.dumps(choices.to_dict()))) == choices


PHOTO = PhotoFacts("png", 300, 200, 3, 8)
MADE = Choices("some", 4, parse_target("x4"))


@pytest.mark.parametrize(
    ("facts", "changed", "another"),
    [
        (PHOTO, {"quality": 50}, False),
        (PhotoFacts("jpeg", 300, 200, 3, 8), {"quality": 50}, True),
        (PhotoFacts("gif", 300, 200, 4, 8, 7), {"quality": 50}, False),
        (PhotoFacts("webp", 300, 200, 4, 8, 7), {"quality": 50}, True),
        (PhotoFacts("bmp", 300, 200, 3, 8), {"format": "png"}, False),
        (PHOTO, {"format": "tiff"}, True),
        (PHOTO, {"target": parse_target("1200w")}, False),
        (PHOTO, {"target": parse_target("1201w")}, True),
        (PHOTO, {"target": parse_target("10.16x6.77cm@300")}, True),  # the same pixels, and they are told their size in print
        (PHOTO, {"codec": "h265", "crf": 30}, False),
        (PhotoFacts("mp4", 300, 200, 3, 8, 90), {"codec": "h264"}, False),
        (PhotoFacts("mp4", 300, 200, 3, 8, 90), {"codec": "h265"}, True),
        (PhotoFacts("mp4", 300, 200, 3, 8, 90), {"crf": 30}, True),
        (PhotoFacts("mp4", 300, 200, 3, 8, 90), {"quality": 50, "format": "png"}, False),
        (PHOTO, {"on_exists": "overwrite", "reduce": True}, False),
        (PHOTO, {"metadata": "strip"}, True),
        (PHOTO, {"keep_time": True}, True),
        (PHOTO, {"into": Path("elsewhere")}, True),
        (PHOTO, {"template": "{name}"}, True),
        (PHOTO, {"other": "else"}, False),  # none of it is mixed in
        (PHOTO, {"other": "else", "share": 0.5}, True),
        (PHOTO, {"strength": 0.9}, True),
        (PHOTO, {"grain": 0.5}, True),
        (PHOTO, {"turns": True}, True),
        (PHOTO, {"protect": Path("mask.png")}, True),
        (PHOTO, {"model": "another"}, True),
    ],
)
def test_what_was_chosen_otherwise_counts_where_it_makes_another_result(
    facts: PhotoFacts, changed: dict[str, Any], another: bool
) -> None:
    assert (result_by(facts, MADE) != result_by(facts, replace(MADE, **changed))) is another


def test_a_mask_for_all_does_not_count_for_a_photo_with_its_own() -> None:
    masked = replace(MADE, protect=Path("mask.png"))
    assert result_by(PHOTO, MADE, own_mask=True) == result_by(PHOTO, masked, own_mask=True)


def test_a_photo_that_vanished_before_it_was_looked_at_is_told_as_gone(tmp_path: Path) -> None:
    found = Found(tmp_path / "gone.png")
    assert Planner(CHOICES).plan(found).reason == "The file is gone."


@pytest.mark.parametrize(("free", "said"), [(0, "no room left"), (5_200_000, "5 MB free")])
def test_a_disk_that_is_too_small_is_told_in_figures_that_differ(
    free: int, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "free_bytes", lambda folder: free)
    facts = PhotoFacts("png", 800, 1000, 3, 8)
    plan = Planned(tmp_path / "a.png", "ready", output=tmp_path / "b.png", facts=facts, size=(3200, 4000), format="png")
    obstacle = results.obstacle(CHOICES, [plan])
    assert obstacle is not None
    assert obstacle.what == f"The results need about 22 MB and {tmp_path} has {said}."


def test_folders_of_one_disk_need_its_room_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "free_bytes", lambda folder: 30_000_000)
    facts = PhotoFacts("png", 800, 1000, 3, 8)
    plans = [
        Planned(tmp_path / "a.png", "ready", output=tmp_path / name / "b.png", facts=facts, size=(3200, 4000), format="png")
        for name in ("one", "two")
    ]
    assert results.obstacle(CHOICES, plans[:1]) is None
    obstacle = results.obstacle(CHOICES, plans)
    assert obstacle is not None
    assert "need about 4" in obstacle.what  # 22 MB each


def test_a_result_keeps_its_place_where_the_photo_whose_time_it_was_to_keep_has_gone(tmp_path: Path) -> None:
    (tmp_path / "b.png").write_bytes(b"made")
    results.keep_time(tmp_path / "b.png", Planned(tmp_path / "gone.png", "ready"), replace(CHOICES, keep_time=True))
    assert (tmp_path / "b.png").exists()
