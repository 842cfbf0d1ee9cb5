"""The frozen features that photos are described and judged with: EfficientNet-lite0, read from `resources/training`."""

from __future__ import annotations

from importlib.resources import as_file, files

from safetensors.torch import load_file

from models.networks.efficientnet_lite import EfficientNetLite


def read_trunk() -> EfficientNetLite:
    """The whole trunk in float32."""
    with as_file(files("resources") / "training" / "efficientnet-lite0.safetensors") as path:
        tensors = load_file(path)
    trunk = EfficientNetLite()
    trunk.load_state_dict({name: tensor.float() for name, tensor in tensors.items()})
    return trunk
