"""SPADE as its authors write it: what stands beside the network, what is asked, what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import models
from models.checkpoints.label_sets import SETTINGS, labels_of
from models.checkpoints.spectral import folded
from models.errors import BadInput, CheckpointError, NeedsAnswer
from models.networks.spade import SPADEConfig, SPADEEncoder, SPADEGenerator
from models.painting import PaintingModel
from tests.models.networks.test_fast_and_plain import filled

PLAIN = SPADEConfig(5, 2, 3, 3, 5, 0, (0, 0), batch=True)
STYLED = SPADEConfig(5, 2, 3, 3, 7, 6, (1, 2), batch=True)


def _published(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    """The state dict in the authors' spelling, spectral norms unfolded."""
    made: dict[str, torch.Tensor] = {}
    for name, tensor in network.state_dict().items():
        name = name.replace("mlp_shared.", "mlp_shared.0.").replace(".running", ".param_free_norm.running")
        name = name.replace("layers.", "layer")
        if name.startswith("layer"):
            name = f"layer{int(name[5]) + 1}.0{name[6:]}"
        if name.endswith(("conv_0.weight", "conv_1.weight", "conv_s.weight", ".0.weight")) and "mlp" not in name:
            matrix = tensor.flatten(1)
            u = torch.ones(matrix.shape[0])
            v = matrix.T @ u
            made |= {f"{name}_orig": tensor, f"{name}_u": u, f"{name}_v": v / v.square().sum()}  # they measure a size of 1
            continue
        made[name] = tensor
    return made


def _write(folder: Path, config: SPADEConfig, options: str | None) -> Path:
    torch.save(_published(filled(SPADEGenerator(config), 0.5)), folder / "latest_net_G.pth")
    if options is not None:
        (folder / "opt.txt").write_text("------- Options -------\n" + options)
    return folder / "latest_net_G.pth"


def _open(path: Path, **answers: str) -> PaintingModel:
    model = models.open(path, device="cpu", precision="float32", **answers)
    assert isinstance(model, PaintingModel)
    return model


OPTIONS = """      aspect_ratio: 1.0
         crop_size: 64    \t[default: 256]
 num_upsampling_layers: normal
              name: meadows
"""


def test_a_spectral_norm_divides_by_what_its_own_vectors_measure() -> None:
    weight, u, v = torch.randn(4, 3, 1, 1), torch.randn(4), torch.randn(3)
    size = torch.dot(u, weight.flatten(1) @ v)
    parts = {"a.weight_orig": weight, "a.weight_u": u, "a.weight_v": v, "a.bias": torch.ones(4)}
    assert torch.allclose(folded(parts)["a.weight"], weight / size)
    new = {"a.parametrizations.weight.original": weight, "a.parametrizations.weight.0._u": u, "a.parametrizations.weight.0._v": v}
    assert torch.allclose(folded(new)["a.weight"], weight / size)
    assert list(folded(parts)) == ["a.weight", "a.bias"]


def test_an_old_spectral_norm_without_its_second_vector_is_folded() -> None:
    weight, u = torch.randn(4, 3, 1, 1), torch.nn.functional.normalize(torch.randn(4), dim=0)
    got = folded({"a.weight_orig": weight, "a.weight_u": u})["a.weight"]
    assert torch.allclose(got, weight / (weight.flatten(1).T @ u).norm(), atol=1e-6)


def test_what_stands_beside_a_network_is_read(tmp_path: Path) -> None:
    model = _open(_write(tmp_path, PLAIN, OPTIONS))
    assert model.card.title == "meadows"
    assert model.card.resolution == 64
    assert model.working_size(64, 64) == (64, 64)
    assert model.working_size(100, 400) == (32, 128)
    assert model.paint(np.full((50, 70), 3, np.uint8)).shape == (50, 70, 3)


def test_what_a_network_does_not_tell_is_asked(tmp_path: Path) -> None:
    path = _write(tmp_path, PLAIN, None)
    with pytest.raises(NeedsAnswer) as caught:
        models.open(path)
    assert (caught.value.key, caught.value.choices) == ("num_upsampling_layers", ("normal", "more"))
    model = _open(path, num_upsampling_layers="more", crop_size="128")
    assert model.card.resolution == 128
    assert model.working_size(128, 64) == (192, 64)


@pytest.mark.parametrize("answer", ["most", "many"])
def test_an_answer_that_cannot_be_is_refused(answer: str, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="upsampling layers"):
        models.open(_write(tmp_path, PLAIN, None), num_upsampling_layers=answer)


def test_a_style_with_a_shape_that_is_no_square_is_asked_for(tmp_path: Path) -> None:
    path = _write(tmp_path, STYLED, None)
    with pytest.raises(NeedsAnswer, match="wider than high"):
        models.open(path)
    model = _open(path, aspect_ratio="2.0")
    assert model.style_dim == 6
    assert model.working_size(500, 500) == (128, 256)


def test_a_photo_gives_a_look_only_where_the_encoder_lies_beside(tmp_path: Path) -> None:
    path = _write(tmp_path, STYLED, "aspect_ratio: 2.0\n")
    label_map, photo = np.full((32, 64), 1, np.uint8), np.random.RandomState(0).randint(0, 256, (20, 30, 3)).astype(np.uint8)
    with pytest.raises(BadInput, match=r"latest_net_E\.pth"):
        _open(path).paint(label_map, photo)
    encoder = filled(SPADEEncoder((2, 4, 8, 8, 8, 8), 6), 0.9)
    torch.save(_published(encoder), tmp_path / "latest_net_E.pth")
    model = _open(path)
    vector = model.style_vector(photo)
    want = encoder(torch.from_numpy(photo).permute(2, 0, 1)[None] / 127.5 - 1)[0].numpy()
    assert vector is not None
    assert np.allclose(vector, want, atol=1e-4)
    with pytest.raises(CheckpointError, match="paints nothing"):
        models.open(tmp_path / "latest_net_E.pth")


def test_labels_have_the_names_of_their_data_set(tmp_path: Path) -> None:
    for dataset, settings in SETTINGS.items():
        labels = labels_of(dataset, int(settings["label_nc"]))
        assert [label.id for label in labels] == list(range(len(labels)))
        assert not any(label.name.startswith("label ") for label in labels)
        assert len({label.colour for label in labels}) == len(labels), "two labels look alike"
    assert labels_of("coco", 182)[154].name == "sea"
    assert labels_of("ade20k", 150)[26].name == "sea"
    assert labels_of("coco", 7)[6].name == "label 6"


def test_a_data_set_that_does_not_fit_the_tensors_is_refused(tmp_path: Path) -> None:
    path = _write(tmp_path, PLAIN, OPTIONS + "label_nc: 9\n")
    with pytest.raises(CheckpointError, match=r"does not fit its opt\.txt"):
        models.open(path)


def test_unlabelled_pixels_are_a_channel_where_the_network_has_one(tmp_path: Path) -> None:
    told = OPTIONS + "contain_dontcare_label: True\nlabel_nc: 4\n"
    model = _open(_write(tmp_path, PLAIN, told))
    assert [label.name for label in model.labels][-1] == "don't care"
    label_map = np.zeros((64, 64), np.uint8)
    label_map[20:40] = 255
    other = label_map.copy()
    other[20:40] = 4
    assert np.array_equal(model.paint(label_map), model.paint(other))
