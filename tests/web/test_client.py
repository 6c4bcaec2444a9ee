"""Who is asking, behind proxies, and whose page made a browser ask."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from starlette.requests import Request

from hub.web.client import address_of, device_of, is_foreign

TRUSTED = (ip_network("10.0.0.0/8"), ip_network("127.0.0.1"), ip_network("fd00::/8"))


def request(peer: str | None, *forwarded: str, **headers: str) -> Request:
    lines = [("x-forwarded-for", value) for value in forwarded]
    lines += [(name.replace("_", "-"), value) for name, value in headers.items()]
    return Request({
        "type": "http", "method": "POST", "path": "/", "query_string": b"",
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in lines],
        "client": (peer, 4711) if peer else None,
    })  # fmt: skip


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("198.51.100.1", (), "198.51.100.1"),
        ("198.51.100.1", ("203.0.113.5",), "198.51.100.1"),  # not a proxy of ours: it may claim anything
        ("127.0.0.1", ("203.0.113.5",), "203.0.113.5"),
        ("127.0.0.1", ("203.0.113.5, 10.1.2.3",), "203.0.113.5"),
        ("127.0.0.1", ("8.8.8.8, 203.0.113.5",), "203.0.113.5"),  # what stands before is the client's own claim
        ("127.0.0.1", ("8.8.8.8", "203.0.113.5, 10.0.0.9"), "203.0.113.5"),
        ("127.0.0.1", ("10.9.9.9",), "10.9.9.9"),
        ("127.0.0.1", (), "127.0.0.1"),
        ("127.0.0.1", ("203.0.113.5:51234",), "203.0.113.5"),
        ("127.0.0.1", ("[2001:db8::1]:443",), "2001:db8::1"),
        ("fd00::1", ("2001:db8::1",), "2001:db8::1"),
        ("::ffff:127.0.0.1", ("::ffff:203.0.113.5",), "203.0.113.5"),
        ("127.0.0.1", ("unknown",), "127.0.0.1"),
        ("127.0.0.1", ("203.0.113.5, _hidden",), "203.0.113.5"),
        ("127.0.0.1", ("<script>, é",), "127.0.0.1"),
        ("127.0.0.1", ("," * 5000,), "127.0.0.1"),
        (None, ("203.0.113.5",), None),
    ],
)
def test_the_last_address_that_is_no_proxy_of_ours_counts(
    peer: str | None, forwarded: tuple[str, ...], address: str | None
) -> None:
    assert address_of(request(peer, *forwarded), TRUSTED) == address


def test_nobody_is_believed_unless_hub_toml_says_so() -> None:
    assert address_of(request("127.0.0.1", "203.0.113.5"), ()) == "127.0.0.1"


def test_a_device_is_an_address_or_its_network() -> None:
    assert device_of("203.0.113.5") == "203.0.113.5"
    assert device_of("2001:db8:1:2:aaaa::1") == device_of("2001:db8:1:2:bbbb::2") == "2001:db8:1:2::"
    assert device_of("2001:db8:1:3::1") == "2001:db8:1:3::"


@pytest.mark.parametrize(
    ("headers", "foreign"),
    [
        ({}, False),
        ({"sec_fetch_site": "same-origin"}, False),
        ({"sec_fetch_site": "none"}, False),
        ({"sec_fetch_site": "cross-site"}, True),
        ({"sec_fetch_site": "same-site"}, True),
        ({"sec_fetch_site": "same-origin", "origin": "null"}, False),
        ({"origin": "null"}, False),
        ({"origin": "https://survey.example.fi"}, False),
        ({"origin": "https://evil.example"}, True),
        ({"origin": "http://survey.example.fi"}, True),
        ({"origin": "https://survey.example.fi.evil.example"}, True),
        ({"origin": "https://[broken"}, True),
    ],
)
def test_another_sites_page_is_known_by_what_the_browser_says(headers: dict[str, str], foreign: bool) -> None:
    assert is_foreign(request("1.2.3.4", **headers), "https://survey.example.fi/sub") is foreign


def test_a_port_that_needs_no_mention_makes_no_difference() -> None:
    asked = request("1.2.3.4", origin="https://survey.example.fi")
    assert not is_foreign(asked, "https://Survey.example.fi:443")
    assert is_foreign(asked, "https://survey.example.fi:8443")
