"""The kernels that are compiled from kernels/winograd.c."""

EDITION: int

def level() -> int:
    """What this processor has: 0 nothing, 1 AVX2, 2 AVX-512, 3 AVX-512 and bfloat16."""

def room(channels: int, filters: int, /) -> int:
    """Bytes of room that a thread needs; filters are a multiple of 16."""

def convolve(
    kind: int,
    seen: tuple[int, int, bool, bool],
    made: tuple[int, int, bool],
    base: tuple[int, int, float],
    weights: tuple[int, int, int],
    size: tuple[int, int, int, int, int],
    threads: int,
    room: int,
    /,
) -> None:
    """A convolution.

    seen: table of addresses of rows, bytes from pixel to pixel, whether it is bfloat16, whether each pixel is seen twice
    made: the same of the rows that are made; base: table (or 0), bytes from pixel to pixel, share
    weights: addresses of weights, bias and slopes (or 0); size: rows, width, channels, filters in multiples of 16, filters
    threads, and the address of room for each of them.
    """

def halve(seen: tuple[int, int], made: tuple[int, int], size: tuple[int, int, int], /) -> None:
    """Float32 rows as bfloat16, on processors of level 3.

    Tables of addresses and bytes from pixel to pixel; rows, width, channels (a multiple of 16).
    """

def shuffle(seen: tuple[int, int], added: int, made: int, size: tuple[int, int, int, int], /) -> None:
    """Squares to pixels.

    seen: table of addresses of float32 rows `[width, colours * side * side]`, and bytes from pixel to pixel
    added: table of float32 rows `[width, colours]`; made: address of float32 `[colours, side * rows, side * width]`
    size: rows, width, colours, side.
    """
