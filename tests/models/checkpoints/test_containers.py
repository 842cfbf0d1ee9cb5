"""What torch, numpy and Python wrote is read back to the last bit, as data."""

from __future__ import annotations

import argparse
import collections
import datetime
import io
import pickle
import struct
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from models.checkpoints.archive import Members
from models.checkpoints.inert import Global, Record, class_of, fields_of, module_tensors, state_of
from models.checkpoints.reading import read
from models.checkpoints.source import Source
from models.errors import CheckpointError, NeedsAnswer

FIXTURES = Path(__file__).parents[2] / "fixtures" / "checkpoints"


def _same(got: Any, want: Any) -> None:
    if isinstance(want, torch.Tensor):
        assert isinstance(got, torch.Tensor)
        assert got.dtype == want.dtype
        assert got.stride() == want.stride()
        assert torch.equal(got, want)
    elif isinstance(want, np.ndarray):
        assert got.dtype == want.dtype.newbyteorder("=")
        assert np.array_equal(got, want)
    elif isinstance(want, dict):
        assert list(got) == list(want)
        for key, value in want.items():
            _same(got[key], value)
    elif isinstance(want, (list, tuple)):
        assert type(got) is type(want)
        assert len(got) == len(want)
        for one, other in zip(got, want, strict=True):
            _same(one, other)
    else:
        assert got == want
        assert type(got) is type(want)


def _tensors() -> dict[str, Any]:
    torch.manual_seed(0)
    base = torch.randn(4, 6)
    return collections.OrderedDict(
        plain=base,
        transposed=base.t(),
        part=base[1:3, ::2],
        half=base.half(),
        brain=base.bfloat16(),
        double=base.double(),
        whole=torch.arange(5),
        bytes=torch.arange(5, dtype=torch.uint8),
        truth=torch.tensor([True, False]),
        empty=torch.empty(0, 3),
        one=torch.tensor(3.5),
        nested={"a": [1, 2.5, None, "text", (True, b"raw")], 7: torch.ones(2)},
    )


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "chain of pickles"])
def test_a_state_dict_comes_back_to_the_last_bit(zipped: bool, tmp_path: Path) -> None:
    path = tmp_path / "x.pth"
    torch.save(_tensors(), path, _use_new_zipfile_serialization=zipped)
    contents = read(path)
    _same(contents.tree, dict(_tensors()))
    assert contents.format == ("torch zip" if zipped else "torch legacy")


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_every_protocol_that_torch_can_write_is_read(protocol: int, tmp_path: Path) -> None:
    for zipped in (True, False):
        torch.save(_tensors(), tmp_path / "x.pth", pickle_protocol=protocol, _use_new_zipfile_serialization=zipped)
        _same(read(tmp_path / "x.pth").tree, dict(_tensors()))


def test_tensors_of_one_storage_stay_of_one_storage(tmp_path: Path) -> None:
    base = torch.arange(10.0)
    torch.save({"a": base[:5], "b": base[5:]}, tmp_path / "x.pth")
    tree = read(tmp_path / "x.pth").tree
    assert tree["a"].untyped_storage().data_ptr() == tree["b"].untyped_storage().data_ptr()


def test_a_zip_that_somebody_packed_again_is_read(tmp_path: Path) -> None:
    torch.save(_tensors(), tmp_path / "x.pth")
    with zipfile.ZipFile(tmp_path / "x.pth") as old, zipfile.ZipFile(tmp_path / "y.pth", "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
    _same(read(tmp_path / "y.pth").tree, dict(_tensors()))


def test_a_member_packed_by_lzma_that_is_damaged_is_said_to_be(tmp_path: Path) -> None:
    said = set()
    for place in range(3, 40):
        with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_LZMA) as archive:
            archive.writestr("data.pkl", pickle.dumps({"a": list(range(200))}))
        packed = bytearray((tmp_path / "x.zip").read_bytes())
        packed[30 + len("data.pkl") + place] ^= 0xFF
        members = Members(Source("x.zip", bytes(packed)))
        for read_member in (members.read, lambda name, members=members: members.head(name, 1 << 20)):
            try:
                read_member("data.pkl")
            except CheckpointError as error:
                said.add(error.what)
    assert said  # and nothing but sentences came
    assert all("x.zip" in one or "data.pkl" in one for one in said)


def test_a_zip_of_a_later_format_than_is_known_is_refused_in_words() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("net.pth", b"a")
    packed = bytearray(buffer.getvalue())
    packed[packed.index(b"PK\x01\x02") + 6] = 99  # what a reader has to know, in the list of members: format 9.9
    with pytest.raises(
        CheckpointError, match=r"nets\.zip is a zip that is cut off or damaged\. The zip reader says: zip file version 9\.9"
    ):
        Members(Source("nets.zip", bytes(packed)))


class _Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
        self.register_buffer("phase", torch.ones(2))


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "chain of pickles"])
def test_a_whole_pickled_network_gives_its_state_dict(zipped: bool, tmp_path: Path) -> None:
    network = _Network()
    torch.save(network, tmp_path / "x.pth", _use_new_zipfile_serialization=zipped)
    tree = read(tmp_path / "x.pth").tree
    assert isinstance(tree, Record)
    assert class_of(tree) == "_Network"
    got, want = module_tensors(tree), network.state_dict()
    assert list(got) == list(want)
    for name, tensor in want.items():
        assert torch.equal(got[name], tensor), name


def test_a_tar_of_the_first_torch_is_read(tmp_path: Path) -> None:
    numbers = np.arange(6, dtype="<f4")

    def add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
        info = tarfile.TarInfo(name)
        info.size = len(data)
        tar.addfile(info, io.BytesIO(data))

    class Reference:
        def __init__(self, key: int) -> None:
            self.key = key

    class Pickler(pickle.Pickler):
        def persistent_id(self, obj: Any) -> Any:
            return str(obj.key) if isinstance(obj, Reference) else None

    storages = pickle.dumps(1, 2) + pickle.dumps((11, "cpu", torch.FloatStorage), 2) + struct.pack("<q", 6) + numbers.tobytes()
    storages += pickle.dumps([], 2)
    tensors = pickle.dumps(1, 2) + pickle.dumps((22, 11, torch.FloatTensor), 2)
    tensors += struct.pack("<ii", 2, 0) + struct.pack("<5q", 2, 3, 3, 1, 0)
    tree = io.BytesIO()
    Pickler(tree, 2).dump({"weight": Reference(22)})
    with tarfile.open(tmp_path / "x.pth", "w") as tar:
        for name, data in (("storages", storages), ("tensors", tensors), ("pickle", tree.getvalue())):
            add(tar, name, data)
    _same(read(tmp_path / "x.pth").tree, {"weight": torch.arange(6.0).view(2, 3)})


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_plain_values_of_every_protocol_are_read(protocol: int, tmp_path: Path) -> None:
    value = {
        "numbers": [0, 1, -1, 255, 256, 65536, -(2**31), 2**40, -(2**200), 1.5, float("inf"), True, False, None],
        "texts": ["", "plain", "snow ❄", "line\nbreak", "x" * 300],
        "tuples": ((), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)),
        "nested": [[[]], {"a": {"b": ()}}],
        (1, "a"): "a tuple as key",
    }
    (tmp_path / "x.pkl").write_bytes(pickle.dumps(value, protocol))
    _same(read(tmp_path / "x.pkl").tree, value)


def test_keys_of_several_parts_are_few(tmp_path: Path) -> None:
    """Their hashes can be made to collide, and then each takes as long as all before."""
    (tmp_path / "few.pkl").write_bytes(pickle.dumps({(i, "a"): 0 for i in range(5_000)}))
    assert len(read(tmp_path / "few.pkl").tree) == 5_000
    (tmp_path / "many.pkl").write_bytes(pickle.dumps({(i, "a"): 0 for i in range(10_001)}))
    with pytest.raises(CheckpointError, match="malicious"):
        read(tmp_path / "many.pkl")


def test_an_array_has_exactly_the_bytes_of_its_shape(tmp_path: Path) -> None:
    whole = pickle.dumps(np.arange(6, dtype=np.float32).reshape(2, 3), 2)
    assert whole.count(b"K\x02K\x03\x86") == 1
    for shape in (b"K\x01K\x03\x86", b"K\x02K\x04\x86"):
        (tmp_path / "x.pkl").write_bytes(whole.replace(b"K\x02K\x03\x86", shape))
        with pytest.raises(CheckpointError, match="bytes that it should have"):
            read(tmp_path / "x.pkl")


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_numpy_arrays_and_numbers_are_read(protocol: int, tmp_path: Path) -> None:
    value = {
        "rows": np.arange(6, dtype=np.float32).reshape(2, 3),
        "columns": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "big endian": np.arange(3, dtype=">i4"),
        "half": np.ones(3, np.float16),
        "truth": np.array([True, False]),
        "none": np.zeros((0, 4), np.float32),
        "number": np.float32(2.5),
        "raw": b"\x00\xff",
        "set": {1, 2},
    }
    value["again"] = value["rows"]
    (tmp_path / "x.pkl").write_bytes(pickle.dumps(value, protocol))
    tree = read(tmp_path / "x.pkl").tree
    _same(tree, value)
    assert tree["again"] is tree["rows"]


def test_objects_become_records_of_what_they_were(tmp_path: Path) -> None:
    value = {"args": argparse.Namespace(size=64, lr=0.002), "day": datetime.date(2020, 1, 2), "type": torch.float32}
    (tmp_path / "x.pkl").write_bytes(pickle.dumps(value))
    tree = read(tmp_path / "x.pkl").tree
    assert tree["args"].label == "argparse.Namespace"
    assert fields_of(tree["args"]) == {"size": 64, "lr": 0.002}
    assert isinstance(tree["day"], Record)
    assert tree["type"] == Global("torch", "float32")


def test_a_network_pickle_of_nvidia_is_a_tree_of_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tree = read(FIXTURES / "stylegan2-ada/orig-32.pkl").tree
    assert list(tree) == ["training_set_kwargs", "G", "D", "G_ema", "augment_pipe"]
    generator = tree["G_ema"]
    assert class_of(generator) == "Generator"
    assert state_of(generator)["img_resolution"] == 32
    tensors = module_tensors(generator)
    assert tensors["mapping.w_avg"].shape == (16,)
    assert any(name.startswith("synthesis.b32.conv1") for name in tensors)
    assert not (tmp_path / "GANVAS_CANARY").exists(), "the embedded source was run"


def test_a_card_inside_safetensors_is_found(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    save_file({"a": torch.ones(2)}, tmp_path / "x.safetensors", {"ganvas.card": '{"name": "x"}'})
    assert read(tmp_path / "x.safetensors").siblings == {"card.json": b'{"name": "x"}'}


def _archive(path: Path, *names: str) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.write(FIXTURES / name, f"models/{name}")
        archive.writestr("package/__init__.py", "raise SystemExit")
    return path


def test_an_archive_with_one_model_opens_as_that_model(tmp_path: Path) -> None:
    path = _archive(tmp_path / "x.whl", "ncnn/rrdb-x4-fp16.param", "ncnn/rrdb-x4-fp16.bin")
    contents = read(path)
    assert (contents.name, contents.format) == ("rrdb-x4-fp16.param", "ncnn")
    assert read(path / "models/ncnn/rrdb-x4-fp16.param").sha256 == contents.sha256


def test_an_archive_with_several_models_asks_which(tmp_path: Path) -> None:
    path = _archive(tmp_path / "x.zip", "esrgan/oldarch-x1.pth", "compact/tiny-x2-params_ema.pth")
    with pytest.raises(NeedsAnswer) as caught:
        read(path)
    assert caught.value.key == "member"
    assert caught.value.choices == ("models/compact/tiny-x2-params_ema.pth", "models/esrgan/oldarch-x1.pth")
    assert read(path, "models/esrgan/oldarch-x1.pth").name == "oldarch-x1.pth"


def test_numbers_alone_open_by_the_description_beside_them() -> None:
    assert read(FIXTURES / "ncnn/rrdb-x4-fp16.bin").name == "rrdb-x4-fp16.param"


@pytest.mark.parametrize(
    ("head", "said"),
    [
        (b"\x89HDF\r\n\x1a\n", "HDF5"),
        (b"version https://git-lfs.github.com/spec/v1", "git lfs pull"),
        (b"<!doctype html><title>Sign in</title>", "a web page"),
        (b"\x1f\x8b\x08\x00" + bytes(20), "Unpack it first"),
        (b"\x89PNG\r\n\x1a\n" + bytes(20), "a picture"),
    ],
)
def test_what_is_no_model_is_named(head: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / "model.pth").write_bytes(head)
    with pytest.raises(CheckpointError, match=said):
        read(tmp_path / "model.pth")


def test_the_folder_of_a_model_is_the_model(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    save_file({"a": torch.zeros(1)}, folder / "weights.safetensors")
    with pytest.raises(CheckpointError, match=r"mine cannot be opened as a model\. It is a folder, not a file"):
        read(folder)
    (folder / "card.json").write_bytes(b'{"name": "x"}')
    contents = read(folder)
    assert (contents.format, contents.siblings) == ("safetensors", {"card.json": b'{"name": "x"}'})
    (folder / "weights.safetensors").rename(tmp_path / "elsewhere")
    (folder / "weights.safetensors").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(CheckpointError, match="a folder"):
        read(folder)


def test_a_folder_and_a_missing_file_are_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="a folder"):
        read(tmp_path)
    with pytest.raises(CheckpointError, match="There is no file"):
        read(tmp_path / "nothing.pth")
