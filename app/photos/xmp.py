"""XMP packets (ISO 16684-1): read a property, merge properties into what is there, split and join Extended XMP.

A packet is parsed without entities or DTD and written anew with the prefixes it came with, so that a program which looks for
`xmp:CreateDate` by its letters still finds it.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Mapping
from itertools import count
from xml.etree.ElementTree import Element, ParseError, SubElement
from xml.sax.saxutils import escape, quoteattr

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import iterparse

RDF, META = "http://www.w3.org/1999/02/22-rdf-syntax-ns#", "adobe:ns:meta/"
NOTE, TIFF, EXIF = "http://ns.adobe.com/xmp/note/", "http://ns.adobe.com/tiff/1.0/", "http://ns.adobe.com/exif/1.0/"
IPTC_EXT, GANVAS = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/", "urn:ganvas:recipe:1/"
XML = "http://www.w3.org/XML/1998/namespace"
_PREFIXES = {
    RDF: "rdf",
    META: "x",
    NOTE: "xmpNote",
    TIFF: "tiff",
    EXIF: "exif",
    IPTC_EXT: "Iptc4xmpExt",
    GANVAS: "ganvas",
    XML: "xml",
}
_BROKEN = (ParseError, DefusedXmlException, ValueError, LookupError, RecursionError, UnicodeError)

# Real packets nest some ten elements deep; this many more are an attack on the stack.
MAX_DEPTH = 100
# An editing history of 10 MB has some hundred thousand elements; each takes many times its bytes in memory.
MAX_ELEMENTS = 500_000

# A property: its namespace and its name.
Name = tuple[str, str]


def _tag(namespace: str, name: str) -> str:
    return f"{{{namespace}}}{name}"


def _parse(packet: bytes) -> tuple[Element, dict[str, str]] | None:
    """The rdf:RDF element of a packet with its prefixes {namespace: prefix}; None where it is no sane packet."""
    prefixes, taken = dict(_PREFIXES), set(_PREFIXES.values())
    root, depth, elements = None, 0, 0
    try:
        for event, value in iterparse(io.BytesIO(packet.strip(b"\0 \r\n\t")), ("start-ns", "start", "end"), forbid_dtd=True):
            if event != "start-ns":
                root = value if root is None else root
                depth += 1 if event == "start" else -1
                elements += event == "start"
                if depth > MAX_DEPTH or elements > MAX_ELEMENTS:
                    return None
            elif value[0] and value[1] not in prefixes and value[0] not in taken:
                prefixes[value[1]] = value[0]
                taken.add(value[0])
        rdf = None if root is None else root if root.tag == _tag(RDF, "RDF") else root.find(_tag(RDF, "RDF"))
    except _BROKEN:
        return None
    return None if rdf is None else (rdf, prefixes)


def _empty() -> tuple[Element, dict[str, str]]:
    return Element(_tag(RDF, "RDF")), dict(_PREFIXES)


def _descriptions(rdf: Element) -> list[Element]:
    return rdf.findall(_tag(RDF, "Description"))


def get(packet: bytes | None, name: Name) -> str | None:
    """A simple property's text, however it is spelled (attribute, element or resource), or None."""
    parsed = _parse(packet) if packet else None
    if parsed is None:
        return None
    for description in _descriptions(parsed[0]):
        if _tag(*name) in description.attrib:
            return description.attrib[_tag(*name)]
        element = description.find(_tag(*name))
        if element is not None:
            return element.text or element.attrib.get(_tag(RDF, "resource"))
    return None


def _remove(rdf: Element, name: Name) -> bool:
    """Remove a property in every spelling; True where it was there."""
    found = False
    for description in _descriptions(rdf):
        found = description.attrib.pop(_tag(*name), None) is not None or found
        for element in description.findall(_tag(*name)):
            description.remove(element)
            found = True
    return found


def _add(rdf: Element, properties: Mapping[Name, str]) -> None:
    there = _descriptions(rdf)
    about = there[0].get(_tag(RDF, "about"), "") if there else ""
    own = SubElement(rdf, _tag(RDF, "Description"), {_tag(RDF, "about"): about})
    for name, text in properties.items():
        SubElement(own, _tag(*name)).text = text


def merge(packet: bytes | None, properties: Mapping[Name, str], only_where_present: Mapping[Name, str] | None = None) -> bytes:
    """The packet with `properties` set, and those of `only_where_present` where it had them. A broken packet is left behind."""
    rdf, prefixes = (_parse(packet) if packet else None) or _empty()
    wanted = dict(properties)
    for name, text in (only_where_present or {}).items():
        if _remove(rdf, name):
            wanted[name] = text
    for name in properties:
        _remove(rdf, name)
    if wanted:
        _add(rdf, wanted)
    return _serialise(rdf, prefixes)


def without(packet: bytes, namespace: str, prefix: str) -> bytes:
    """The packet without the properties of a namespace whose names begin with `prefix`; an empty one where it is broken."""
    parsed = _parse(packet)
    if parsed is None:
        return b""
    rdf, prefixes = parsed
    start = _tag(namespace, prefix)
    for description in _descriptions(rdf):
        for key in [key for key in description.attrib if key.startswith(start)]:
            del description.attrib[key]
        for element in [element for element in description if element.tag.startswith(start)]:
            description.remove(element)
    return _serialise(rdf, prefixes)


def extension_of(packet: bytes) -> str | None:
    """The digest by which a packet names its extension, in capitals, or None."""
    digest = get(packet, (NOTE, "HasExtendedXMP"))
    return digest.strip().upper() if digest else None


def join(packet: bytes, extension: bytes) -> bytes:
    """One packet of a main one and its extension; the main one alone where the extension is broken."""
    main, rest = _parse(packet), _parse(extension)
    if main is None or rest is None:
        return packet
    _remove(main[0], (NOTE, "HasExtendedXMP"))
    main[0].extend(_descriptions(rest[0]))
    return _serialise(main[0], rest[1] | main[1])


def split(packet: bytes, limit: int) -> tuple[bytes, bytes]:
    """(main packet of at most `limit` bytes, extension or nothing): the largest properties move until the main one fits.

    The extension has no packet wrapper, as part 3 of the specification wants it.
    """
    if len(packet) <= limit:
        return packet, b""
    parsed = _parse(packet)
    if parsed is None:
        return _serialise(*_empty()), b""
    rdf, prefixes = parsed
    rest = Element(_tag(RDF, "RDF"))
    moved = SubElement(rest, _tag(RDF, "Description"), {_tag(RDF, "about"): ""})
    sized = [
        (sum(map(len, _write(child, prefixes))), description, child)
        for description in _descriptions(rdf)
        for child in list(description)
    ]
    sized.sort(key=lambda entry: -entry[0])
    total = len(packet)
    for size, description, child in sized:
        if total <= limit - 400:  # room for the note that names the extension
            break
        description.remove(child)
        moved.append(child)
        total -= size
    extension = _serialise(rest, prefixes, wrapped=False)
    _add(rdf, {(NOTE, "HasExtendedXMP"): hashlib.md5(extension, usedforsecurity=False).hexdigest().upper()})
    main = _serialise(rdf, prefixes)
    if len(main) > limit:  # attributes alone fill it: nothing sane writes that
        return _serialise(*_empty()), b""
    return main, extension


def _serialise(rdf: Element, prefixes: Mapping[str, str], wrapped: bool = True) -> bytes:
    named, taken, numbers = dict(prefixes), set(prefixes.values()), count()
    for element in rdf.iter():
        for tag in (element.tag, *element.attrib):
            namespace = tag[1:].partition("}")[0] if tag.startswith("{") else ""
            if namespace and namespace not in named:
                named[namespace] = next(name for name in (f"ns{i}" for i in numbers) if name not in taken)
    used = {namespace: prefix for namespace, prefix in named.items() if namespace not in (XML, META)}
    declared = "".join(f" xmlns:{prefix}={quoteattr(namespace)}" for namespace, prefix in used.items())
    inner = "".join(text for child in rdf for text in _write(child, named))
    body = f'<x:xmpmeta xmlns:x="{META}"><rdf:RDF{declared}>{inner}</rdf:RDF></x:xmpmeta>'
    if wrapped:
        body = f'<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>{body}<?xpacket end="w"?>'
    return body.encode("utf-8", "replace")


def _write(element: Element, prefixes: Mapping[str, str]) -> Iterator[str]:
    name = _qualified(element.tag, prefixes)
    attributes = "".join(f" {_qualified(key, prefixes)}={quoteattr(value)}" for key, value in element.attrib.items())
    yield f"<{name}{attributes}>"
    if element.text:
        yield escape(element.text)
    for child in element:
        yield from _write(child, prefixes)
        if child.tail:
            yield escape(child.tail)
    yield f"</{name}>"


def _qualified(tag: str, prefixes: Mapping[str, str]) -> str:
    if not tag.startswith("{"):
        return tag
    namespace, _, name = tag[1:].partition("}")
    return f"{prefixes[namespace]}:{name}"
