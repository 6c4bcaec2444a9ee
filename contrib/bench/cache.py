"""How fast the processor's cache is just now, which other machines on the same processor may crowd."""

from __future__ import annotations

from random import Random
from time import perf_counter

_COUNT = 300_000
_TRIES = 4


def read_ns() -> float:
    """Nanoseconds to read one of many small objects in no order that a processor could guess; the best of some tries.

    They take 12 MB: more than a core has for itself, less than the cache that all cores share. The hub works on more
    memory than the loops do, so that it loses more when others fill that cache.
    """
    numbers = list(range(_COUNT))
    Random(0).shuffle(numbers)
    return min(_walk(numbers) for _ in range(_TRIES)) / _COUNT * 1e9


def _walk(numbers: list[int]) -> float:
    begun, total = perf_counter(), 0
    for number in numbers:
        total += number
    return perf_counter() - begun
