"""Gives freed memory back to the system at once: ten million rows then cost intake little more than ten thousand.

Adapter over glibc's mallopt(3) and malloc_trim(3); where another C library is in use it does nothing. It holds for the whole
process.
"""

import ctypes
from typing import Any

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # malloc.h
# glibc raises both by itself up to 32 MB, and then keeps what blocks of columns leave behind: 444 MB instead of 204 MB over ten
# million rows. Blocks of a list have some megabytes: were they handed back each time, the page faults would cost a sixth of the
# time, for 60 MB.
MMAP_BYTES, TRIM_BYTES = 4 << 20, 1 << 20


def return_freed_memory() -> bool:
    """Sets when freed memory goes back by itself. Whether it could be set."""
    mallopt = _libc("mallopt")
    return mallopt is not None and bool(mallopt(M_MMAP_THRESHOLD, MMAP_BYTES) and mallopt(M_TRIM_THRESHOLD, TRIM_BYTES))


def give_back() -> None:
    """Gives back what lies free between blocks in use, which glibc keeps: two thirds of what a long list takes."""
    if (malloc_trim := _libc("malloc_trim")) is not None:
        malloc_trim(ctypes.c_size_t(0))


def _libc(function: str) -> Any:
    """The C library's function, or None."""
    try:
        return getattr(ctypes.CDLL("libc.so.6"), function)
    except (OSError, AttributeError):
        return None
