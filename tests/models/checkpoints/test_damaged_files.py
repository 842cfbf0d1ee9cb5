"""Real files, cut off or with bits turned over: each opens or is refused in words; none crashes, hangs or takes all memory."""

from __future__ import annotations

import io
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

import models
from models.checkpoints.reading import read
from models.checkpoints.state_dicts import state_dict
from models.errors import CheckpointError

FIXTURES = Path(__file__).parents[2] / "fixtures" / "checkpoints"
MOST_MEMORY = 2 << 30
FILES = (
    "esrgan/oldarch-x1.pth",
    "compact/tiny-x2-params_ema.pth",
    "dcgan/dataparallel-grey-2017-64.pth",
    "stylegan2-ada/orig-32.pkl",
    "pix2pix-cyclegan/resnet9-instance-pre04/latest_net_G.pth",
    "ncnn/rrdb-x4-fp16.param",
    "ncnn/rrdb-x4-fp16.bin",
    "safetensors",
    "archive",
)


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The bytes of each real file by name."""
    found = {name: (FIXTURES / name).read_bytes() for name in FILES if (FIXTURES / name).is_file()}
    state = state_dict(read(FIXTURES / "compact/tiny-x2-params_ema.pth"))
    path = tmp_path_factory.mktemp("made") / "x.safetensors"
    save_file(state, path)
    found["safetensors"] = path.read_bytes()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("folder/model.pth", found["esrgan/oldarch-x1.pth"])
    found["archive"] = buffer.getvalue()
    return found


@pytest.fixture(autouse=True, scope="module")
def limited_memory() -> Iterator[None]:
    """No more than 2 GiB beyond what the process has already, where the system can hold us to it."""
    if not sys.platform.startswith("linux"):
        yield
        return
    import resource

    pages = int(Path("/proc/self/statm").read_text().split()[0])
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + MOST_MEMORY, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


def _opens_or_is_refused(folder: Path, name: str, data: bytes) -> None:
    path = folder / Path(name).name
    path.write_bytes(data)
    if path.suffix in (".param", ".bin"):
        other = path.with_suffix(".bin" if path.suffix == ".param" else ".param")
        if not other.exists():
            other.write_bytes((FIXTURES / name).with_suffix(other.suffix).read_bytes())
    said = "opened as what it was, or as what the bits say now"
    try:
        models.open(path, device="cpu", precision="float32")
    except CheckpointError as error:
        said = str(error)
    assert len(said) > 20


@pytest.mark.parametrize("name", FILES)
@settings(max_examples=25, suppress_health_check=list(HealthCheck), derandomize=True)
@given(data=st.data())
def test_a_file_that_is_cut_off(
    name: str, originals: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    whole = originals[name]
    _opens_or_is_refused(tmp_path_factory.mktemp("cut"), name, whole[: data.draw(st.integers(0, len(whole) - 1))])


@pytest.mark.parametrize("name", FILES)
@settings(max_examples=40, suppress_health_check=list(HealthCheck), derandomize=True)
@given(data=st.data())
def test_a_file_with_bits_turned_over(
    name: str, originals: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    whole = bytearray(originals[name])
    # Half of the hits go to the first and last kilobyte, where headers and directories are.
    edge = min(1024, len(whole))
    places = st.one_of(st.integers(0, edge - 1), st.integers(len(whole) - edge, len(whole) - 1), st.integers(0, len(whole) - 1))
    for place in data.draw(st.lists(places, min_size=1, max_size=8)):
        whole[place] ^= 1 << data.draw(st.integers(0, 7))
    _opens_or_is_refused(tmp_path_factory.mktemp("flipped"), name, bytes(whole))


def test_every_prefix_of_a_pickle_is_refused(originals: dict[str, bytes], tmp_path: Path) -> None:
    whole = originals["stylegan2-ada/orig-32.pkl"]
    for length in range(1, 2000, 37):
        with pytest.raises(CheckpointError):
            _open(tmp_path / "cut.pkl", whole[:length])


def _open(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    models.open(path, device="cpu", precision="float32")
