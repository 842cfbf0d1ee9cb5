"""A model is written whole, and what lay in its place is another model or stays."""

import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from models.card import Card
from models.errors import BadInput
from models.training.export import write_model


def test_what_is_no_model_is_never_replaced_by_one(tmp_path: Path) -> None:
    card = Card(name="x", title="X", task="upscaling", family="compact")
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    (pictures / "a.jpg").write_bytes(b"a person's own")
    with pytest.raises(BadInput, match="holds other things than a model"):
        write_model(pictures, card, {"w": torch.zeros(1)}, None)
    with pytest.raises(BadInput, match="is a file"):
        write_model(pictures / "a.jpg", card, {"w": torch.zeros(1)}, None)
    assert (pictures / "a.jpg").read_bytes() == b"a person's own"
    (tmp_path / "empty").mkdir()
    write_model(tmp_path / "empty", card, {"w": torch.zeros(1)}, None)
    assert sorted(path.name for path in (tmp_path / "empty").iterdir()) == ["card.json", "weights.safetensors"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "pictures"]


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_the_model_before_stays_where_the_new_one_is_broken_off(
    error: type[BaseException], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = Card(name="x", title="X", task="upscaling", family="compact")
    write_model(tmp_path / "x", card, {"w": torch.zeros(1)}, None)
    renames, rename = [], os.rename

    def broken_off(one: Path, other: Path) -> None:
        renames.append(other)
        if len(renames) == 2:  # the one before is out of the way, and the new one is not there yet
            raise error
        rename(one, other)

    monkeypatch.setattr(os, "rename", broken_off)
    with pytest.raises(error):
        write_model(tmp_path / "x", card, {"w": torch.ones(1)}, None)
    assert load_file(tmp_path / "x" / "weights.safetensors")["w"] == 0
    assert [path.name for path in tmp_path.iterdir()] == ["x"]
