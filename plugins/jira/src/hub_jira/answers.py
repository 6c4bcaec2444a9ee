"""What Jira's answers mean: refusals become the hub's errors, bodies become values.

Jira has four shapes of error bodies. What they say may quote a ticket, so only sentences about what the hub itself has
asked are passed on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx
from pydantic_core import from_json

from hub import AuthFailed, Rejected, RemoteError, Unexpected

REFUSALS = frozenset({400, 401, 403, 404, 405, 406, 409, 410, 411, 412, 413, 414, 415, 422})
"""Statuses that are explained here; the lent client explains all others."""

_QUOTED = re.compile(r"""['"‘“](.*?)(?:['"’”]|$)""")
_PRIVATE = re.compile(r"\S*@\S*|https?:\S*|\+?[0-9][0-9 ()/-]{5,}[0-9]")
_FIELD_ID = re.compile(r"customfield_[0-9]{1,10}|[a-z][A-Za-z]{1,30}")
_LONGEST = 200
_SIGNED_OUT = ("AUTHENTICATED_FAILED", "AUTHENTICATION_DENIED")

_SEARCH_REMOVED = "Jira has removed this function from its API: update the hub; repeating does not help"
_ADVICE = {
    403: "the account may not do this",
    404: "it does not exist, or the account may not see it",
    413: "the ticket has reached Jira's limit",
}


def refusal(response: httpx.Response, *, asked: str | None) -> RemoteError:
    """The error for an answer with one of the statuses `REFUSALS`.

    :param asked: what the hub asked, such as its JQL: Jira's sentences may quote from that. None when the request
        carried a customer's words: then nothing is quoted but field ids.
    """
    status = response.status_code
    where = f"Jira answered {status} to {response.request.method}"
    said = _said(response, asked)
    if status == 403:
        return AuthFailed(f"{where}: {_forbidden(response)}{said}")
    if status == 401 or credentials_refused(response):
        return AuthFailed(f"{where}: {_unauthorised(response)}")
    if status == 410:
        return Unexpected(f"{where}: {_SEARCH_REMOVED}")
    if status == 404 and not is_jiras(response):
        return Unexpected(f"{where}: there is no Jira API at this address; check the url and its path")
    advice = f": {_ADVICE[status]}" if status in _ADVICE else ""
    return Rejected(f"{where}{advice}{said}", reason=f"http_{status}")


def credentials_refused(response: httpx.Response) -> bool:
    """Whether Jira did not accept who asks.

    Where anonymous callers are let in, it then answers as to them: 200 with nothing in it, or 404.
    """
    reason = response.headers.get("x-seraph-loginreason")
    if reason and any(word in reason for word in _SIGNED_OUT):
        return True
    return response.status_code == 401 and not lacks_scope(response)


def lacks_scope(response: httpx.Response) -> bool:
    """Whether the credentials are good and only do not cover this function."""
    body = _body(response)
    said = body.get("message") if isinstance(body, dict) else None
    return response.status_code == 401 and isinstance(said, str) and "scope" in said.lower()


def value(response: httpx.Response) -> Any:
    """The JSON value of an answer.

    :raises Unexpected: there is none that can be read.
    """
    if not _is_json(response):
        raise Unexpected(
            f"{_where(response)} with a page instead of JSON: check the url, and whether a proxy stands in between"
        )
    try:
        # sharing equal texts between tickets costs more than it saves: a quarter of the time
        return from_json(response.content, allow_inf_nan=False, cache_strings="keys")
    except ValueError:
        raise Unexpected(f"{_where(response)} with JSON that is cut off or damaged") from None


def _where(response: httpx.Response) -> str:
    return f"Jira answered {response.status_code} to {response.request.method}"


def is_jiras(response: httpx.Response) -> bool:
    """Whether an error comes from Jira itself, not from a proxy or another server at a wrong address."""
    body = _body(response)
    return isinstance(body, dict) and not {"errorMessages", "errorMessage", "errors"}.isdisjoint(body)


def field_ids(response: httpx.Response) -> tuple[str, ...]:
    """The ids of the fields that an error body complains about."""
    body = _body(response)
    errors = body.get("errors") if isinstance(body, dict) else None
    names = errors if isinstance(errors, dict) else {}
    return tuple(name for name in names if _FIELD_ID.fullmatch(name))


def _is_json(response: httpx.Response) -> bool:
    return "json" in response.headers.get("content-type", "").lower()


def _body(response: httpx.Response) -> Any:
    if not _is_json(response):
        return None
    try:
        return response.json()
    except (ValueError, RecursionError):
        return None


def _unauthorised(response: httpx.Response) -> str:
    reason = response.headers.get("x-seraph-loginreason", "")
    if lacks_scope(response):
        return "the token lacks a scope: see which ones the hub needs"
    if "AUTHENTICATION_DENIED" in reason:
        return "signing in is blocked until somebody passes the CAPTCHA: sign in to Jira once with a browser"
    return "the credentials were refused: check account and token, and whether the token has expired"


def _forbidden(response: httpx.Response) -> str:
    if "CAPTCHA" in response.headers.get("x-authentication-denied-reason", ""):
        return "Jira demands a CAPTCHA after failed sign-ins: sign in once with a browser, or use a token"
    return _ADVICE[403]


def _said(response: httpx.Response, asked: str | None) -> str:
    parts = [_own_words(sentence, asked) for sentence in _sentences(_body(response))] if asked is not None else []
    ids = field_ids(response)
    parts += [f"fields {', '.join(ids[:10])}"] if ids else []
    text = " ".join(part for part in parts if part)
    return f" ({text[:_LONGEST]})" if text else ""


def _sentences(body: Any) -> Iterator[str]:
    if not isinstance(body, dict):
        return
    messages = body.get("errorMessages")
    candidates = [*(messages if isinstance(messages, list) else []), body.get("errorMessage"), body.get("message")]
    yield from (text for text in candidates if isinstance(text, str))


def _own_words(sentence: str, asked: str) -> str:
    """A sentence of Jira's up to the first quotation that the hub did not write, without anything like an address."""
    printable = "".join(letter for letter in sentence[:1000] if letter.isprintable())
    for match in _QUOTED.finditer(printable):
        if not match[1] or match[1] not in asked:
            printable = f"{printable[: match.start()].strip()} …"
            break
    return _PRIVATE.sub("…", printable)[:_LONGEST]
