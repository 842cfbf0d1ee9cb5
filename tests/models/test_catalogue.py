"""What the catalogue promises: whole models only, names that are free, the same thing added twice kept once."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from models.card import Card
from models.catalogue import ABANDONED_SECONDS, Catalogue, key_of, proper_name
from models.errors import BadInput, CheckpointError, ModelError

CARD = Card(name="small", title="Small", task="upscaling", family="esrgan", scale=4, sha256="ab", key="k1")
TENSORS = {"body.weight": torch.arange(6.0).reshape(2, 3), "body.bias": torch.ones(2, dtype=torch.float16)}


@pytest.fixture
def catalogue(tmp_path: Path) -> Catalogue:
    shelf = Catalogue(tmp_path / "catalogue")
    shelf.embedded = tmp_path / "embedded"
    return shelf


def test_an_empty_catalogue_lists_nothing(catalogue: Catalogue) -> None:
    assert catalogue.entries() == []
    assert catalogue.broken() == []
    assert catalogue.find("small") is None


def test_a_kept_model_comes_back_as_it_was(catalogue: Catalogue) -> None:
    assert catalogue.keep(CARD, TENSORS, sheet=b"picture") == "small"
    entry = catalogue.find("small")
    assert entry is not None
    assert entry.card == CARD
    assert entry.origin == "added"
    assert entry.sheet is not None
    assert entry.sheet.read_bytes() == b"picture"
    back = load_file(entry.weights)
    assert back.keys() == TENSORS.keys()
    assert all(torch.equal(back[name], TENSORS[name]) and back[name].dtype == TENSORS[name].dtype for name in back)


def test_views_of_one_storage_and_transposed_tensors_are_kept(catalogue: Catalogue) -> None:
    whole = torch.arange(12.0).reshape(3, 4)
    catalogue.keep(CARD, {"a": whole[:2], "b": whole.T, "c": whole})
    back = load_file(catalogue.home / "small" / "weights.safetensors")
    assert torch.equal(back["a"], whole[:2])
    assert torch.equal(back["b"], whole.T)
    assert torch.equal(back["c"], whole)


def test_a_name_that_is_taken_gets_a_number_whatever_its_case(catalogue: Catalogue) -> None:
    names = [catalogue.keep(Card("small", "S", "latent", "x"), TENSORS) for _ in range(2)]
    names.append(catalogue.keep(Card("SMALL", "S", "latent", "x"), TENSORS))
    assert names == ["small", "small-2", "SMALL-3"]
    assert [entry.name for entry in catalogue.entries()] == sorted(names, key=str.lower)


def test_two_models_of_one_title_are_told_apart(catalogue: Catalogue) -> None:
    for name in ("small", "small", "other"):
        catalogue.keep(Card(name, "Small", "latent", "x"), TENSORS)
    assert sorted(entry.card.title for entry in catalogue.entries()) == ["Small", "Small (2)", "Small (3)"]


def test_embedded_models_are_listed_and_stay(catalogue: Catalogue, tmp_path: Path) -> None:
    beside = Catalogue(tmp_path / "embedded")
    beside.embedded = tmp_path / "nothing"
    beside.keep(Card("portraits", "Portraits", "latent", "x"), TENSORS)
    assert [(entry.name, entry.origin) for entry in catalogue.entries()] == [("portraits", "embedded")]
    with pytest.raises(BadInput, match="comes with Ganvas"):
        catalogue.remove("portraits")
    assert catalogue.keep(Card("portraits", "Portraits", "latent", "x"), TENSORS) == "portraits-2"


def test_recommended_models_come_first_and_say_so(catalogue: Catalogue) -> None:
    catalogue.keep(Card("aaa", "A", "latent", "x"), TENSORS)
    catalogue.keep(Card("faces", "F", "latent", "x", source="random-face 2021.7.21.1"), TENSORS)
    assert [(e.name, e.origin) for e in catalogue.entries()] == [("faces", "recommended"), ("aaa", "added")]


def test_the_key_follows_bytes_siblings_and_answers() -> None:
    keys = {
        key_of("ab", {}, {}),
        key_of("ac", {}, {}),
        key_of("ab", {"opt.txt": b"x"}, {}),
        key_of("ab", {"opt.txt": b"y"}, {}),
        key_of("ab", {"other.txt": b"x"}, {}),
        key_of("ab", {}, {"depth": "more"}),
        key_of("ab", {}, {"depth": "normal"}),
    }
    assert len(keys) == 7
    assert key_of("ab", {"b": b"1", "a": b"2"}, {"y": "1"}) == key_of("ab", {"a": b"2", "b": b"1"}, {"y": "1"})


def test_a_model_is_known_again_by_its_key(catalogue: Catalogue) -> None:
    catalogue.keep(CARD, TENSORS)
    held = catalogue.holding("k1")
    assert held is not None
    assert held.name == "small"
    assert catalogue.holding("k2") is None
    assert catalogue.holding("") is None


@pytest.mark.parametrize("spoil", ["no card", "no weights", "bad card", "cut weights", "card of another kind", "huge card"])
def test_a_spoilt_model_is_named_in_words_and_can_be_removed(catalogue: Catalogue, spoil: str) -> None:
    catalogue.keep(CARD, TENSORS)
    catalogue.keep(Card("good", "G", "latent", "x"), TENSORS)
    card, weights = (catalogue.home / "small" / name for name in ("card.json", "weights.safetensors"))
    if spoil == "no card":
        card.unlink()
    elif spoil == "no weights":
        weights.unlink()
    elif spoil == "bad card":
        card.write_text("{")
    elif spoil == "card of another kind":
        card.write_text(json.dumps([1, 2]))
    elif spoil == "huge card":
        card.write_bytes(b" " * (5 << 20))
    else:
        weights.write_bytes(weights.read_bytes()[:-4])
    assert [entry.name for entry in catalogue.entries()] == ["good"]
    (broken,) = catalogue.broken()
    assert broken.name == "small"
    assert broken.reason.endswith(".")
    with pytest.raises(CheckpointError, match="broken"):
        catalogue.find("small")
    catalogue.remove("small")
    assert catalogue.broken() == []
    assert not (catalogue.home / "small").exists()


def test_a_model_that_is_being_written_is_not_listed(catalogue: Catalogue) -> None:
    catalogue.keep(CARD, TENSORS)
    os.rename(catalogue.home / "small", catalogue.home / ".writing-abc")
    assert catalogue.entries() == []
    assert catalogue.broken() == []


def test_what_a_killed_program_left_is_swept_away_once_it_is_old(catalogue: Catalogue) -> None:
    for name in (".writing-old", ".writing-new"):
        (catalogue.home / name).mkdir(parents=True)
    then = time.time() - ABANDONED_SECONDS - 60
    os.utime(catalogue.home / ".writing-old", (then, then))
    catalogue.keep(CARD, TENSORS)
    assert {folder.name for folder in catalogue.home.iterdir()} == {".writing-new", "small"}


def test_a_catalogue_that_cannot_be_written_says_so_and_leaves_nothing(catalogue: Catalogue) -> None:
    catalogue.home.parent.mkdir(parents=True, exist_ok=True)
    catalogue.home.write_text("a file where the folder should be")
    with pytest.raises(ModelError, match="could not be written"):
        catalogue.keep(CARD, TENSORS)


@pytest.mark.parametrize("name", ["", "..", "../x", "a/b", ".hidden", "nul\0", "x" * 300])
def test_names_never_leave_the_folder(catalogue: Catalogue, name: str) -> None:
    assert catalogue.find(name) is None
    with pytest.raises(BadInput):
        catalogue.remove(name)
    assert proper_name(proper_name(name)) == proper_name(name)
    assert catalogue.keep(Card(name, "T", "latent", "x"), TENSORS) in {entry.name for entry in catalogue.entries()}


def test_a_sheet_can_come_later(catalogue: Catalogue) -> None:
    catalogue.keep(CARD, TENSORS)
    catalogue.keep_sheet("small", b"webp")
    entry = catalogue.find("small")
    assert entry is not None
    assert entry.sheet is not None
    assert entry.sheet.read_bytes() == b"webp"
    assert sorted(path.name for path in entry.weights.parent.iterdir()) == ["card.json", "sheet.webp", "weights.safetensors"]


def test_a_sheet_that_cannot_be_written_leaves_no_rest(catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    catalogue.keep(CARD, TENSORS)

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        catalogue.keep_sheet("small", b"webp")
    assert sorted(path.name for path in (catalogue.home / "small").iterdir()) == ["card.json", "weights.safetensors"]


def test_listing_the_catalogue_imports_no_torch() -> None:
    code = "import sys; from models.catalogue import Catalogue; Catalogue().entries(); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("seed", [-1, 2**32, 1.5, True, "7", None])
def test_a_card_whose_first_seed_is_none_is_refused(seed: object) -> None:
    told = json.loads(CARD.to_json())
    assert Card.from_json(json.dumps({**told, "first_seed": 2**32 - 1})).first_seed == 2**32 - 1
    del told["first_seed"]
    assert Card.from_json(json.dumps(told)).first_seed == 0
    with pytest.raises(CheckpointError, match="card cannot be read"):
        Card.from_json(json.dumps({**told, "first_seed": seed}))


@pytest.mark.parametrize(
    "wrong",
    [
        {"title": 5},
        {"scale": "4"},
        {"scale": 0},
        {"resolution": -1},
        {"resolution": True},
        {"resolution": 2.5},
        {"config": []},
        {"metrics": {"fid": "low"}},
        {"answers": {"scale": 4}},
        {"non_commercial": "no"},
        {"licence": None},
        {"task": ["latent"]},
    ],
)
def test_a_card_with_other_kinds_of_values_is_refused(wrong: dict[str, object]) -> None:
    told = json.loads(replace(CARD, metrics={"fid": 3, "kid": 1.5}).to_json())
    assert Card.from_json(json.dumps(told)).metrics == {"fid": 3, "kid": 1.5}
    with pytest.raises(CheckpointError, match="card cannot be read"):
        Card.from_json(json.dumps({**told, **wrong}))
