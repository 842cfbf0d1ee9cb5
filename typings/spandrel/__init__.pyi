"""What Ganvas uses of spandrel (an optional extra)."""

from collections.abc import Iterable
from typing import Any, Literal

import torch

class UnsupportedModelError(Exception): ...

class SizeRequirements:
    minimum: int
    multiple_of: int
    square: bool

class Architecture:
    id: str
    name: str
    def detect(self, state_dict: dict[str, Any]) -> bool: ...

class ModelDescriptor:
    architecture: Architecture
    tags: list[str]
    model: torch.nn.Module

class ImageModelDescriptor(ModelDescriptor):
    scale: int
    input_channels: int
    output_channels: int
    size_requirements: SizeRequirements

class ModelLoader:
    def __init__(self, device: str | torch.device | None = None) -> None: ...
    def load_from_state_dict(self, state_dict: dict[str, Any]) -> ModelDescriptor: ...

class ArchSupport:
    architecture: Architecture

class ArchRegistry:
    def architectures(self, order: Literal["insertion", "detection"] = "insertion") -> Iterable[ArchSupport]: ...

MAIN_REGISTRY: ArchRegistry
