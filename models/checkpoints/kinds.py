"""What a file is, by its first bytes: the formats we read, and those we can at least name."""

from __future__ import annotations

import re

from models.checkpoints.archive import is_zip
from models.checkpoints.ncnn_reader import looks_like_ncnn
from models.checkpoints.openvino import is_openvino
from models.checkpoints.safetensors_reader import looks_like_safetensors
from models.checkpoints.torch_reader import is_torch_tar

HEAD = 4096  # bytes that are enough to tell

# What people drop on the window besides models, and what to do about it.
_FOREIGN: tuple[tuple[bytes, str, str], ...] = (
    (rb"version https://git-lfs", "a placeholder of Git LFS", "The model itself was not fetched: run git lfs pull."),
    (rb"\s*(<!DOCTYPE html|<html)", "a web page", "Open it in a browser: it may say how to get the model."),
    (rb"\x89HDF\r\n\x1a\n", "an HDF5 file (Keras, TensorFlow)", "Ask for the PyTorch version of this model."),
    (rb".{4}TFL3", "a TensorFlow Lite model", "Ask for the PyTorch version of this model."),
    (rb"\x08[\x01-\x0f][\x12\x1a:B]", "an ONNX model", "Ask for the file it was made from (.pth or .safetensors)."),
    (rb"\x93NUMPY", "a numpy array", "It holds numbers, but no model."),
    (rb"\x1f\x8b", "packed by gzip", "Unpack it first."),
    (rb"BZh[1-9]", "packed by bzip2", "Unpack it first."),
    (rb"\xfd7zXZ\x00", "packed by xz", "Unpack it first."),
    (rb"7z\xbc\xaf\x27\x1c", "a 7z archive", "Unpack it first."),
    (rb"Rar!\x1a\x07", "a RAR archive", "Unpack it first."),
    (rb"GGUF", "a GGUF file of a language model", "Ganvas opens generators of pictures."),
    (rb"(\x89PNG|\xff\xd8\xff|RIFF.{4}WEBP|GIF8|BM|II\*\x00|MM\x00\*)", "a picture", "Drop it on a panel instead."),
    (rb"\x7fELF|MZ|#!", "a program", "Ganvas runs no programs."),
    (rb"%PDF", "a PDF", ""),
)


def kind_of(head: bytes, size: int) -> str | None:
    """Name of the format of a file that begins with `head` and has `size` bytes; None where it is none that we read."""
    if is_zip(head):
        return "zip"
    if looks_like_safetensors(head, size):
        return "safetensors"
    if looks_like_ncnn(head):
        return "ncnn"
    if is_openvino(head):
        return "openvino"
    if is_torch_tar(head):
        return "torch tar"
    if re.match(rb"\x80[\x02-\x05]", head):
        return "pickle"
    if re.match(rb"[(\]}]|c[\w.]+\n[\w.]+\n", head) and b"\n" in head:
        return "pickle"  # protocols 0 and 1
    return None


def foreign(head: bytes) -> tuple[str, str]:
    """What an unreadable file is, and what to do about it; two empty texts where we cannot tell."""
    for pattern, what, hint in _FOREIGN:
        if re.match(pattern, head, re.DOTALL | re.IGNORECASE):
            return what, hint
    return "", ""
