from typing import Any

class Error(Exception): ...

# Its operations are found in libvips at run time.
Image: Any
Source: Any
SourceCustom: Any
Target: Any
TargetCustom: Any
GValue: Any

def block_untrusted_set(state: bool) -> None: ...
def cache_set_max(mx: int) -> None: ...
def version(flag: int) -> int: ...
