"""OpenVINO graphs: constants are found where they lie, and a description that lies is refused before anything is allocated."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.checkpoints.openvino import XML_BYTES, is_openvino, read_constants
from models.errors import CheckpointError
from tests.models.small_faces import Graph, files_of, small_network

CONST = '<layer name="a" type="Const"><data element_type="{kind}" shape="{shape}" offset="{offset}" size="{size}"/></layer>'


def net(layers: str) -> bytes:
    return f'<?xml version="1.0"?><net name="x" version="10"><layers>{layers}</layers></net>'.encode()


def test_constants_come_in_file_order_with_the_names_of_their_ports() -> None:
    graph = Graph()
    first, second = np.arange(6, dtype=np.float32).reshape(2, 3), np.arange(4, dtype=np.float16)
    graph.constant("bytes", np.zeros(3, np.int8), "i8")
    graph.constant("weight", first)
    graph.constant("half", second, "f16", on_port=False)
    found = read_constants(graph.xml(), bytes(graph.blob))
    assert [(constant.name, constant.offset) for constant in found] == [("weight", 3), ("half", 27)]
    assert np.array_equal(found[0].value, first)
    assert np.array_equal(found[1].value, second)


def test_a_scalar_and_an_empty_constant_are_read() -> None:
    layers = CONST.format(kind="f32", shape="", offset=0, size=4) + CONST.format(kind="f32", shape="0,3", offset=4, size=0)
    scalar, empty = read_constants(net(layers), np.float32(5).tobytes())
    assert scalar.value.shape == ()
    assert float(scalar.value) == 5
    assert empty.value.shape == (0, 3)


@pytest.mark.parametrize(
    ("shape", "offset", "size"),
    [
        ("4", "0", "16"),  # more than there is
        ("2", "4", "8"),  # beyond the end
        ("2", "-4", "8"),
        ("-2", "0", "8"),
        ("2", "0", "4"),  # not the shape's size
        ("999999999999999999", "0", "3999999999999999996"),
        ("99999999999999999999999999", "0", "8"),
        ("1,1,1,1,1,1,1,1,1,2", "0", "8"),
        ("2", "0", "0x8"),
        ("²", "0", "8"),
        ("2", "", "8"),
        ("1e1", "0", "40"),
    ],
)
def test_a_description_that_lies_about_its_numbers_is_refused(shape: str, offset: str, size: str) -> None:
    with pytest.raises(CheckpointError, match="OpenVINO"):
        read_constants(net(CONST.format(kind="f32", shape=shape, offset=offset, size=size)), bytes(8))


@pytest.mark.parametrize(
    "xml",
    [
        b"",
        b"<net",
        b"<net><layers></net>",
        b"<other><layers/></other>",
        b"<net></net>",
        b'<!DOCTYPE net [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><net><layers>&b;</layers></net>',
        b'<!DOCTYPE net [<!ENTITY a SYSTEM "file:///etc/passwd">]><net><layers>&a;</layers></net>',
        b'<!DOCTYPE net SYSTEM "http://example.org/x.dtd"><net><layers/></net>',
        b'<?xml version="1.0" encoding="utf-16"?><net><layers/></net>',
        b'<?xml version="1.0" encoding="nothing"?><net><layers/></net>',
        b"<net><layers>\x00</layers></net>",
    ],
)
def test_xml_that_is_broken_or_sly_is_refused(xml: bytes) -> None:
    with pytest.raises(CheckpointError, match="OpenVINO"):
        read_constants(xml, b"")


def test_a_description_that_is_far_too_long_is_refused_unparsed() -> None:
    with pytest.raises(CheckpointError, match="limit"):
        read_constants(b"<net>" + b" " * XML_BYTES, b"")


def test_a_description_nested_without_end_does_not_end_the_program() -> None:
    deep = b"<layer>" * 200_000
    with pytest.raises(CheckpointError):
        read_constants(b"<net><layers>" + deep, b"")
    closed = b"<net><layers>" + deep + b"</layer>" * 200_000 + b"</layers></net>"
    assert read_constants(closed, b"") == []


def test_a_graph_is_known_by_its_first_bytes() -> None:
    assert is_openvino(net(""))
    assert is_openvino(b'\xef\xbb\xbf<net name="a">')
    assert not is_openvino(b'<?xml version="1.0"?><svg></svg>')
    assert not is_openvino(b"7767517\n75 83\n")


FILES = files_of(small_network())


@settings(max_examples=60)
@given(st.integers(0, len(FILES["SynthesisNetwork.xml"]) - 1), st.integers(0, 255), st.booleans())
def test_a_damaged_description_is_read_or_refused(place: int, value: int, cut: bool) -> None:
    xml = bytearray(FILES["SynthesisNetwork.xml"])
    xml[place] = value
    with suppress(CheckpointError):
        read_constants(bytes(xml[:place] if cut else xml), FILES["SynthesisNetwork.bin"])
