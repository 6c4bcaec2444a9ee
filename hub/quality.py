"""What a plugin supports and how that was proven: its `quality.toml`, for admins who must judge it."""

from __future__ import annotations

import tomllib
from pathlib import Path
from types import ModuleType
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError, model_validator

from hub.api.errors import PluginError

FILE = "quality.toml"

Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
"""One fact, on one line."""


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True)


class About(_Strict):
    """The table `[plugin]`."""

    maturity: Literal["experimental", "beta", "stable"]
    """experimental: made to be tried; beta: complete and tested; stable: in daily use at several sites."""
    systems: list[Line]
    """Products and versions it is made for."""
    known_limits: list[Line]
    """What it does not do, or does worse than one would expect."""


class Tested(_Strict):
    """The table `[tested]`."""

    real: list[Line]
    """Real systems, with versions, that its tests ran against."""
    simulated: list[Line]
    """Simulated systems that its tests run against."""
    third_party_clients: list[Line]
    """Clients by others that the simulated systems were checked with."""


class Promise(_Strict):
    """One line of `[promises]`."""

    kept: bool
    how: Line
    """How it is kept and which tests show it; or why it is not."""


class Promises(_Strict):
    """The table `[promises]`. Those that do not concern the plugin are left out; all others are stated, kept or not."""

    no_ticket_lost: Promise | None = None
    """Every closing is found, also after outages and restarts."""
    one_closure_per_closing: Promise | None = None
    """A closing seen again, also after the hub's own write-back, is the same closing; the next one is another."""
    write_back_once: Promise | None = None
    """A result stands on its ticket once, whatever fails."""
    sent_once: Promise | None = None
    """A customer gets a message once, whatever fails."""
    no_reply_lost: Promise | None = None
    """Every reply is brought back, also after outages and restarts."""
    no_experience_lost: Promise | None = None
    """Every experience is published, also after outages and restarts."""
    repetitions_known: Promise | None = None
    """What comes or goes twice can be told from two things."""
    forgeries_refused: Promise | None = None
    """Nobody can answer for a customer or report for the service."""
    nothing_private_shown: Promise | None = None
    """Secrets, addresses and customers' words are in no log and no error message."""
    check_changes_nothing: Promise | None = None
    """`hub check` sends and changes nothing."""

    @model_validator(mode="after")
    def _some(self) -> Promises:
        if not self.model_fields_set:
            raise ValueError("state at least one promise, kept or not")
        return self

    def stated(self) -> dict[str, Promise]:
        """The promises that are stated, in the order of this class."""
        named = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: promise for name, promise in named.items() if promise is not None}


class Quality(_Strict):
    """A whole `quality.toml`."""

    plugin: About
    tested: Tested
    promises: Promises


def quality_of(module: ModuleType) -> Quality | None:
    """What a plugin says of itself; None when it says nothing.

    :param module: the plugin's package. The file is in it, where a wheel puts it, or in the project around it
        (`PROJECT/quality.toml` beside `PROJECT/src/`), where an editable installation leaves it.
    :raises PluginError: its quality.toml cannot be used; the message names each setting and what is wrong.
    """
    path = _path(module)
    if path is None:
        return None
    try:
        return Quality.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        problems = "; ".join(_words(problem["loc"], problem["msg"]) for problem in error.errors())
        raise PluginError(f"its {FILE} cannot be used: {problems}") from None
    except (OSError, ValueError) as error:  # not readable, not UTF-8, not TOML
        raise PluginError(f"its {FILE} cannot be read: {error}") from None


def _path(module: ModuleType) -> Path | None:
    if not module.__file__ or not hasattr(module, "__path__"):
        return None  # a single file has no place for it
    package = Path(module.__file__).parent
    places = [package / FILE]
    if package.parent.name == "src":
        places.append(package.parent.parent / FILE)
    return next((place for place in places if place.is_file()), None)


def _words(location: tuple[int | str, ...], problem: str) -> str:
    setting = ".".join(map(str, location))
    if problem.startswith("Extra inputs"):
        return f"{setting}: there is no such setting"
    if problem.startswith("Field required"):
        return f"{setting} is missing"
    return f"{setting}: {problem.removeprefix('Value error, ')}"
