"""Classes are shown by names where somebody tells them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from models.card import Card
from models.checkpoints.class_names import with_class_names
from models.checkpoints.reading import read

TEN = Card(name="x", title="x", task="latent", family="stylegan2-ada", config={"classes": 10})


def test_the_file_beside_a_generator_names_its_classes() -> None:
    card = with_class_names(TEN, "net.pkl", {"classes.txt": "\ufeffä\n\n b \r\n".encode() + b"c\nd\ne\nf\ng\nh\ni\nj"})
    assert [label.name for label in card.labels] == list("äbcdefghij")
    assert Card.from_json(card.to_json()).labels == card.labels


def test_names_that_are_too_few_are_left_out_and_the_card_says_so() -> None:
    card = with_class_names(TEN, "cifar10.pkl", {"classes.txt": b"cat\ndog"})
    assert not card.labels
    assert "names 2 classes, but it has 10" in card.limits


@pytest.mark.parametrize("file", ["cifar10.pkl", "stylegan2-cifar10c-cifar-10.pkl", "CIFAR10.pkl"])
def test_a_file_named_after_a_known_data_set_has_its_names(file: str) -> None:
    assert with_class_names(TEN, file, {}).labels[3].name == "cat"


def test_names_of_a_data_set_need_its_number_of_classes() -> None:
    card = Card(name="x", title="x", task="latent", family="stylegan2-ada", config={"classes": 100})
    assert with_class_names(card, "cifar100.pkl", {}) == card


@pytest.mark.parametrize("bytes_", [b"", b"\xff\xfe\x00", b"x" * 5000])
def test_any_bytes_may_lie_beside_a_generator(bytes_: bytes) -> None:
    assert not with_class_names(TEN, "net.pkl", {"classes.txt": bytes_}).labels


def test_the_reader_finds_the_names_beside_a_file(tmp_path: Path) -> None:
    fixture = Path(__file__).parents[2] / "fixtures/checkpoints/esrgan/oldarch-x1.pth"
    shutil.copy(fixture, tmp_path / "net.pth")
    (tmp_path / "classes.txt").write_text("cat")
    assert read(tmp_path / "net.pth").siblings["classes.txt"] == b"cat"
