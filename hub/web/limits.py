"""How often a place may be answered. Counted in this process: with several workers, each has limits of its own."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections import deque
from collections.abc import Callable
from typing import TypeVar

from hub.web.client import device_of
from hub.web.ports import PlaceView

_MINUTE_S, _HOUR_S = 60.0, 3600.0
_MOST_DEVICES = 10_000

KeyT = TypeVar("KeyT")


class Limits:
    """The answers of the last hour: for each place how many, for each device at a place when.

    Devices are known by a keyed hash of their address, and only while this process runs.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._key = secrets.token_bytes(16)
        self._places: dict[str, deque[float]] = {}
        self._devices: dict[bytes, deque[float]] = {}

    def take(self, place: PlaceView, address: str | None) -> bool:
        """Whether one more answer is taken now; if so, it counts."""
        now = self._monotonic()
        counts = [(_window(self._places, place.name, now - _HOUR_S), place.per_hour)]
        if address:
            device = self._hash(f"{place.name} {device_of(address)}")
            counts.append((_window(self._devices, device, now - _MINUTE_S), place.per_device))
        if any(len(window) >= most for window, most in counts):
            return False
        for window, _ in counts:
            window.append(now)
        self._forget(now - _MINUTE_S)
        return True

    def _hash(self, text: str) -> bytes:
        return hmac.new(self._key, text.encode(), hashlib.sha256).digest()

    def _forget(self, since: float) -> None:
        """Drop devices that were not there lately, and the oldest of too many."""
        if len(self._devices) > _MOST_DEVICES:
            self._devices = {key: window for key, window in self._devices.items() if window and window[-1] >= since}
        while len(self._devices) > _MOST_DEVICES:
            del self._devices[next(iter(self._devices))]


def _window(windows: dict[KeyT, deque[float]], key: KeyT, since: float) -> deque[float]:
    window = windows.setdefault(key, deque())
    while window and window[0] <= since:
        window.popleft()
    return window
