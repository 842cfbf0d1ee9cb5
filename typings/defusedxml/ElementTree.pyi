from collections.abc import Iterator, Sequence
from typing import IO, Any
from xml.etree.ElementTree import Element

def iterparse(
    source: IO[bytes],
    events: Sequence[str] | None = None,
    parser: Any = None,
    forbid_dtd: bool = False,
    forbid_entities: bool = True,
    forbid_external: bool = True,
) -> Iterator[tuple[str, Any]]: ...
def fromstring(
    text: bytes | str, forbid_dtd: bool = False, forbid_entities: bool = True, forbid_external: bool = True
) -> Element: ...
