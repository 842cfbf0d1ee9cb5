"""The part of tqdm that Ganvas uses."""

from typing import Generic, TextIO, TypeVar

T = TypeVar("T")

class tqdm(Generic[T]):
    monitor_interval: int
    total: float | None
    n: float
    def __init__(
        self,
        *,
        desc: str = ...,
        total: float | None = ...,
        file: TextIO = ...,
        leave: bool = ...,
        dynamic_ncols: bool = ...,
        unit: str = ...,
    ) -> None: ...
    def set_description_str(self, desc: str, refresh: bool = ...) -> None: ...
    def update(self, n: float = ...) -> bool | None: ...
    def clear(self) -> None: ...
    def refresh(self) -> None: ...
    def close(self) -> None: ...
