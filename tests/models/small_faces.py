"""A small MobileStyleGAN with random weights, and the OpenVINO files that its weights would be published in."""

from __future__ import annotations

import zipfile
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement, tostring

import numpy as np
import torch

from models.networks.mobilestylegan import MobileStyleGAN, Shape

SHAPE = Shape(mapping=((24, 24), (24, 24)), blocks=((32, 32), (32, 32), (32, 16), (16, 8)))
SIDE = 128


def small_network(seed: int = 0, shape: Shape = SHAPE) -> MobileStyleGAN:
    """A network whose activations stay near 1 and whose noise shows in some layers and not in others."""
    torch.manual_seed(seed)
    network = MobileStyleGAN(shape)
    for name, tensor in network.state_dict().items():
        if name.endswith("noise"):
            rough = ".conv1." in name
            tensor.copy_(torch.randn(tensor.shape) * (0.2 if rough else 0.001))
        elif name.endswith("bias"):
            tensor.copy_(torch.randn(tensor.shape) * 0.1)
        elif name == "start" or name == "average":
            tensor.copy_(torch.randn(tensor.shape))
        else:
            tensor.copy_(torch.randn(tensor.shape) / tensor[0].numel() ** 0.5)
        if name.endswith(("style.bias", "up.bias")):
            tensor.add_(2.0)
    return network.eval().requires_grad_(False)


class Graph:
    """An OpenVINO graph under construction: constants one after the other, some of them at odd places."""

    def __init__(self) -> None:
        self.net = Element("net", name="torch-jit-export", version="10")
        self.layers = SubElement(self.net, "layers")
        self.blob = bytearray()

    def constant(self, name: str, array: np.ndarray, element_type: str = "f32", on_port: bool = True) -> None:
        raw = np.ascontiguousarray(array).tobytes()
        layer = SubElement(self.layers, "layer", name="folded" if on_port else name, type="Const", version="opset1")
        shape = ",".join(str(side) for side in array.shape)
        SubElement(layer, "data", element_type=element_type, shape=shape, offset=str(len(self.blob)), size=str(len(raw)))
        port = SubElement(SubElement(layer, "output"), "port", id="0", precision="FP32")
        if on_port:
            port.set("names", name)
        self.blob += raw

    def xml(self) -> bytes:
        SubElement(self.layers, "layer", name="conv", type="Convolution")
        return b'<?xml version="1.0" ?>\n' + tostring(self.net)


def files_of(network: MobileStyleGAN) -> dict[str, bytes]:
    """The four files of a published network, by name."""
    weights = {name: tensor.numpy() for name, tensor in network.state_dict().items()}
    mapping, synthesis = Graph(), Graph()
    mapping.constant("eps", np.full((1, 1), 1e-8, np.float32))
    for i in range(len(network.shape.mapping)):
        mapping.constant(str(173 + 4 * i), weights[f"mapping.layers.{i}.weight"])
        mapping.constant(str(174 + 4 * i), weights[f"mapping.layers.{i}.bias"])
    synthesis.constant("axes", np.array([1], np.int64), "i64")
    synthesis.constant("pad", np.zeros(3, np.int8), "i8")  # what follows does not lie on whole words

    def layer(ours: str, theirs: str, dense: bool) -> None:
        synthesis.constant(f"{theirs}.conv.modulation.weight", weights[f"{ours}.style.weight"])
        synthesis.constant(f"{theirs}.conv.modulation.bias", weights[f"{ours}.style.bias"][None])
        if dense:
            synthesis.constant(f"{theirs}.conv.weight", weights[f"{ours}.weight"])
        else:
            synthesis.constant(f"{theirs}.conv.weight_dw", weights[f"{ours}.depthwise"][:, None])
            synthesis.constant(f"{theirs}.conv.weight_permute", weights[f"{ours}.pointwise"])
        synthesis.constant("1531", weights[f"{ours}.noise"], on_port=False)
        synthesis.constant(f"{theirs}.bias", weights[f"{ours}.bias"].reshape(1, -1, 1, 1))

    synthesis.constant("m.input.input", weights["start"])
    layer("first", "m.conv1", dense=True)
    last = len(network.shape.blocks) - 1
    for i in range(last + 1):
        synthesis.constant(f"m.layers.{i}.up.modulation.weight", weights[f"blocks.{i}.up.weight"])
        synthesis.constant(f"m.layers.{i}.up.modulation.bias", weights[f"blocks.{i}.up.bias"][None])
        layer(f"blocks.{i}.conv1", f"m.layers.{i}.conv1", dense=False)
        layer(f"blocks.{i}.conv2", f"m.layers.{i}.conv2", dense=False)
    head = f"m.layers.{last}.to_img"
    synthesis.constant(f"{head}.conv.modulation.weight", weights["head.style.weight"])
    synthesis.constant(f"{head}.conv.modulation.bias", weights["head.style.bias"][None])
    synthesis.constant(f"{head}.conv.weight", weights["head.weight"])
    synthesis.constant(f"{head}.bias", weights["head.bias"].reshape(1, -1, 1, 1))
    return {
        "MappingNetwork.xml": mapping.xml(),
        "MappingNetwork.bin": bytes(mapping.blob),
        "SynthesisNetwork.xml": synthesis.xml(),
        "SynthesisNetwork.bin": bytes(synthesis.blob),
    }


def write_folder(network: MobileStyleGAN, folder: Path) -> Path:
    """The four files in a folder; the path of the synthesis graph."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files_of(network).items():
        (folder / name).write_bytes(data)
    return folder / "SynthesisNetwork.xml"


def write_wheel(network: MobileStyleGAN, path: Path, package: str = "small_faces", version: str = "1.0") -> Path:
    """A wheel that pip accepts, with the four files in its `data` folder and code that must never run."""
    canary = "raise SystemExit('the code of a wheel was run')\n"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
        wheel.writestr(f"{package}/__init__.py", canary)
        for name, data in files_of(network).items():
            wheel.writestr(f"{package}/data/{name}", data)
        info = f"{package}-{version}.dist-info"
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    return path
