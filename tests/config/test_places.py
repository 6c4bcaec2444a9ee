"""`[places.NAME]`: names that stand in addresses, and web sites that may frame a form."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hub.config.models import HubConfig
from tests.config.conftest import GOOD

PLACE = '[places.lobby]\ntitle = { fi = "Aula" }\n'


def test_a_place_needs_a_title_only(read: Callable[[str], HubConfig]) -> None:
    place = read(GOOD + PLACE).places["lobby"]
    assert (place.survey, place.language, place.embed_in) == ("place", "fi", ())


@pytest.mark.parametrize(
    "site",
    ["https://portal.example.org", "https://*.example.org", "http://localhost:8080", "https://intra"],
)
def test_web_sites_that_may_frame_the_form_are_taken(read: Callable[[str], HubConfig], site: str) -> None:
    assert read(f"{GOOD}{PLACE}embed_in = [{site!r}]").places["lobby"].embed_in == (site,)


@pytest.mark.parametrize(
    "site",
    ["*", "portal.example.org", "https://x.example/path", "https://x.example; script-src *", "https://x y", "data:",
     "https://x.example\\r\\nX-Evil: 1", "'self'"],
)  # fmt: skip
def test_what_is_no_web_site_is_refused(complaints: Callable[[str], list[str]], site: str) -> None:
    [complaint, _] = complaints(f'{GOOD}{PLACE}embed_in = ["{site}"]')
    assert "places.lobby.embed_in: must be a list of web sites" in complaint


@pytest.mark.parametrize("name", ['"a/b"', '".."', '"Lobby"', '"a b"', '"é"', '""'])
def test_a_name_that_does_not_fit_into_an_address_is_refused(complaints: Callable[[str], list[str]], name: str) -> None:
    [complaint, _] = complaints(f'{GOOD}[places.{name}]\ntitle = {{ fi = "Aula" }}\n')
    assert "a name is at most 63 letters" in complaint


def test_a_place_without_a_title_is_refused(complaints: Callable[[str], list[str]]) -> None:
    [complaint, _] = complaints(f"{GOOD}[places.lobby]\ntitle = {{}}\n")
    assert "places.lobby.title: must be there in one language at least" in complaint
