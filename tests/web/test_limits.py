"""How often a place takes an answer."""

from __future__ import annotations

from hub.web import limits
from hub.web.limits import Limits
from tests.web.ports import place

DESK, PHONE = "203.0.113.5", "203.0.113.6"


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_device_may_answer_so_often_in_a_minute() -> None:
    clock = Clock()
    counted = Limits(clock)
    lobby = place(per_device=2)
    assert [counted.take(lobby, DESK) for _ in range(3)] == [True, True, False]
    assert counted.take(lobby, PHONE), "others are not concerned"
    assert counted.take(place(name="other", per_device=2), DESK), "nor are other places"
    clock.now = 59.9
    assert not counted.take(lobby, DESK)
    clock.now = 60.0
    assert counted.take(lobby, DESK), "what was refused does not count"


def test_a_place_takes_so_many_in_an_hour() -> None:
    clock = Clock()
    counted = Limits(clock)
    lobby = place(per_hour=3)
    assert [counted.take(lobby, f"203.0.113.{number}") for number in range(5)] == [True] * 3 + [False] * 2
    clock.now = 3600.0
    assert counted.take(lobby, None), "without an address only the place has a limit"


def test_neighbours_in_one_ipv6_network_are_one_device() -> None:
    counted = Limits(Clock())
    lobby = place(per_device=1)
    assert counted.take(lobby, "2001:db8::1")
    assert not counted.take(lobby, "2001:db8::2")


def test_memory_is_bounded_and_holds_no_address(monkeypatch: object) -> None:
    clock = Clock()
    counted = Limits(clock)
    lobby = place(per_hour=10**9)
    for number in range(limits._MOST_DEVICES + 50):
        counted.take(lobby, f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
    assert len(counted._devices) == limits._MOST_DEVICES
    clock.now = 120.0
    counted.take(lobby, DESK)
    assert len(counted._devices) == 1
    assert DESK not in str(counted._devices)
