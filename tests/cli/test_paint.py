"""`ganvas paint`: from a map in a file to a landscape in a file, or a sentence that says why not."""

import argparse
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from app.cli import paint
from app.cli.options import Parser, UsageError, add_common, complete
from app.paint.state.recipe import from_recipe
from app.photos import recipe

MAPS = Path(__file__).parents[2] / "resources" / "samples" / "maps"


def arguments(*words: str | Path) -> argparse.Namespace:
    parser = Parser(prog="ganvas paint")
    add_common(parser)
    paint.configure(parser)
    return complete(parser.parse_args([str(word) for word in words]))


def painted(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB")).astype(float)


def test_a_map_becomes_a_picture_of_its_size_that_remembers_its_making(tmp_path: Path) -> None:
    out = tmp_path / "new" / "lake.png"
    assert paint.run(arguments(MAPS / "lake.png", "--seed", "7", "--grain", "3", "--out", out)) == 0
    assert painted(out).shape == (384, 512, 3)
    making = from_recipe(recipe.read(out) or {})
    assert making is not None
    assert making.model == "landscapes"
    assert making.drawing.looks.first.seed == 7
    assert making.drawing.looks.grain == 3
    assert np.array_equal(making.drawing.label_map(), np.asarray(Image.open(MAPS / "lake.png")))


def test_colours_of_the_labels_are_understood_like_their_numbers(tmp_path: Path) -> None:
    coloured = tmp_path / "coloured.png"
    Image.open(MAPS / "coast.png").convert("RGB").save(coloured)
    for source, name in ((MAPS / "coast.png", "a.png"), (coloured, "b.png")):
        assert paint.run(arguments(source, "--out", tmp_path / name)) == 0
    assert np.array_equal(painted(tmp_path / "a.png"), painted(tmp_path / "b.png"))


def test_several_seeds_fill_a_folder_with_different_pictures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert paint.run(arguments(MAPS / "coast.png", "--seed", "1-3", "--out", tmp_path / "all", "--json")) == 0
    paths = sorted((tmp_path / "all").iterdir())
    assert [p.name for p in paths] == ["coast-1.png", "coast-2.png", "coast-3.png"]
    assert not np.array_equal(painted(paths[0]), painted(paths[1]))
    done = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"done"' in line]
    assert [Path(line["path"]).name for line in done if line["event"] == "done"] == [p.name for p in paths]


def test_a_photo_gives_its_light(tmp_path: Path) -> None:
    means = []
    for name, colour in (("dark", (20, 24, 40)), ("bright", (230, 232, 240))):
        noise = np.random.default_rng(0).normal(0, 8, (80, 120, 3))
        photo = tmp_path / f"{name}.png"
        Image.fromarray(np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8)).save(photo)
        out = tmp_path / f"{name}-out.png"
        assert paint.run(arguments(MAPS / "lake.png", "--style", photo, "--out", out)) == 0
        means.append(painted(out).mean())
    assert means[0] < means[1] - 15


def test_pixels_without_a_label_take_the_nearest_and_the_recipe_holds_what_was_painted(tmp_path: Path) -> None:
    labels = np.array(Image.open(MAPS / "lake.png"))
    whole, holes = tmp_path / "whole.png", tmp_path / "holes.png"
    Image.fromarray(labels).save(whole)
    row = next(row for row in range(9, 370) if (labels[row - 3 : row + 4, 95:206] == labels[row, 100]).all())
    labels[row, 100:200] = 255
    Image.fromarray(labels).save(holes)
    for source, out in ((whole, "a.png"), (holes, "b.png")):
        assert paint.run(arguments(source, "--out", tmp_path / out)) == 0
    assert np.array_equal(painted(tmp_path / "a.png"), painted(tmp_path / "b.png"))
    making = from_recipe(recipe.read(tmp_path / "b.png") or {})
    assert making is not None
    assert np.array_equal(making.drawing.label_map(), np.array(Image.open(whole)))
    labels[:] = 255
    Image.fromarray(labels).save(holes)
    assert paint.run(arguments(holes, "--out", tmp_path / "c.png")) == 3


def test_what_cannot_be_painted_is_said_with_the_file_and_ends_with_3(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    strange, text = tmp_path / "strange.png", tmp_path / "text.png"
    Image.fromarray(np.full((40, 40), 90, np.uint8)).save(strange)
    text.write_text("no picture")
    out = tmp_path / "out.png"
    for words, expected in (
        ((strange,), "none of the model's labels"),
        ((text,), "text.png"),
        ((MAPS / "lake.png", "--style", text), "text.png"),
        ((MAPS / "lake.png", "--model", "nobody"), "There is no model nobody"),
    ):
        assert paint.run(arguments(*words, "--out", out)) == 3
        assert expected in capsys.readouterr().err
        assert not out.exists()


def test_several_seeds_in_one_file_are_an_error_of_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="folder"):
        paint.run(arguments(MAPS / "lake.png", "--seed", "1-2", "--out", tmp_path / "a.png"))
    for text in ("x", "5-2", "-1", "0-4294967296"):
        with pytest.raises(argparse.ArgumentTypeError):
            paint.seeds(text)
    assert paint.seeds("2-4") == (2, 3, 4)


def test_a_map_larger_than_the_network_paints_is_enlarged_crisply_or_plainly(tmp_path: Path) -> None:
    crisp, plain, lake = tmp_path / "crisp.png", tmp_path / "plain.png", tmp_path / "lake.png"
    with Image.open(MAPS / "lake.png") as small:
        small.resize((1024, 768), Image.Resampling.NEAREST).save(lake)
    assert paint.run(arguments(lake, "--out", crisp)) == 0
    assert paint.run(arguments(lake, "--enlarge-with", "plain", "--out", plain)) == 0
    edges = [np.abs(np.diff(painted(path), axis=1)).mean() for path in (crisp, plain)]
    assert edges[0] > 1.05 * edges[1]
    assert paint.run(arguments(lake, "--enlarge-with", "nobody", "--out", plain)) == 3
    assert paint.run(arguments(MAPS / "lake.png", "--enlarge-with", "nobody", "--out", plain)) == 3  # which needs none


def test_neither_the_map_nor_the_photo_that_gives_the_look_is_painted_over(tmp_path: Path) -> None:
    drawn, look = tmp_path / "lake.png", tmp_path / "look.png"
    drawn.write_bytes((MAPS / "lake.png").read_bytes())
    Image.new("RGB", (64, 64), "orange").save(look)
    before = drawn.read_bytes(), look.read_bytes()
    for out in (drawn, tmp_path / "." / "lake.png", look):
        with pytest.raises(UsageError, match="would be lost"):
            paint.run(arguments(drawn, "--style", look, "--out", out))
    assert (drawn.read_bytes(), look.read_bytes()) == before
