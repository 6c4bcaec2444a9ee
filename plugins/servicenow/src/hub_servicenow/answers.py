"""What an answer of ServiceNow means: its odd successes, and its refusals in its own words.

Nothing else of a body is ever quoted: bodies hold customers' words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hub import AuthFailed, OutcomeUnknown, Rejected, RemoteError, Unexpected

if TYPE_CHECKING:
    import httpx

REFUSALS = (301, 302, 303, 307, 308, 400, 401, 403, 404)
"""Statuses that this module explains better than the lent client can."""

_OWN_WORDS = (
    "User Not Authenticated",
    "Required to provide Auth information",
    "Insufficient rights to query records",
    "Failed API level ACL Validation",
    "ACL Exception Update Failed due to security constraints",
    "ACL Exception Insert Failed due to security constraints",
    "aborted by Business Rule",
    "Data Policy Exception",
    "Operation Failed",
    "Invalid table",
    "No Record found",
    "Record doesn't exist or ACL restricts the record retrieval",
    "Requested URI does not represent any resource",
    "Exception while reading request",
    "The payload is not valid JSON",
    "Rate limit exceeded",
)
"""Texts of ServiceNow that hold nobody's data."""
_MEANINGS = {
    400: "the instance did not take the request",
    401: "the instance refused the credentials",
    403: "the account may not do this",
    404: "there is no such record, or the account may not see it",
}


class Forbidden(AuthFailed):
    """403: an access rule, a data policy or a business rule refused this one thing; the credentials are good."""


class CutShort(Unexpected):
    """The instance stopped in the middle of its answer: it asks for less at once."""


_GONE = ("no record found", "record doesn't exist or acl restricts the record retrieval")


def own_words(response: httpx.Response) -> str:
    """Which of ServiceNow's fixed texts an answer holds, joined; empty when none."""
    found = [text for text in _OWN_WORDS if text.casefold() in response.text[:20_000].casefold()]
    return "; ".join(found)


def refusal(response: httpx.Response) -> RemoteError:
    """The error for one of `REFUSALS`."""
    status = response.status_code
    where = f"{response.request.method} {_asked(response.request)} answered {status}"
    if status < 400:
        return Unexpected(
            f"{where}: a redirect instead of data; the instance is being upgraded or wants this account to log in"
        )
    said = own_words(response)
    text = f"{where}: {_MEANINGS[status]}" + (f' ("{said}")' if said else "")
    if status == 401:
        return AuthFailed(text)
    if status == 403:
        return Forbidden(text)
    if status == 404 and not said:
        return Unexpected(f"{where}, but not in ServiceNow's words: an outage, or a proxy that lost its way")
    return Rejected(text, reason=f"http_{status}")


def is_gone(response: httpx.Response) -> bool:
    """Whether a 404 says that a record is gone or hidden. A proxy in front of an instance that is down says 404 too."""
    try:
        error = response.json()["error"]
        said = f"{error.get('message')} {error.get('detail')}".casefold()
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError):
        return False
    return any(words in said for words in _GONE)


def check_readable(response: httpx.Response, *, once: bool) -> None:
    """Raise unless a successful answer is empty or JSON by its header.

    :raises Unexpected: a page for people instead of data; nothing was carried out.
    :raises CutShort: the instance cancelled the transaction.
    :raises OutcomeUnknown: the same, and the request may have been carried out.
    """
    if not response.content or "json" in response.headers.get("content-type", "").lower():
        return
    text = response.text[:20_000].casefold()
    where = f"{response.request.url.host} answered {response.status_code}"
    if "hibernat" in text:
        raise Unexpected(f"{where} with a page that says that the instance is hibernating; wake it up")
    if "<html" in text or "<!doctype" in text:
        raise Unexpected(f"{where} with a web page instead of data: a login page, or the instance is being maintained")
    raise unreadable(response, once=once)


def _asked(request: httpx.Request) -> str:
    """Host, API and table: what an account needs a right for. A sys_id or a query is left out."""
    place = " ".join(request.url.path.strip("/").split("/")[2:4])
    return f"{request.url.host} ({place})" if place else request.url.host


def parsed(response: httpx.Response, *, once: bool) -> Any:
    """The body of a successful answer; None when it is empty.

    :raises Unexpected: it is not JSON, or too deep.
    :raises CutShort: it ends in the middle.
    :raises OutcomeUnknown: the same, and the request may have been carried out.
    """
    if not response.content.strip():
        return None
    try:
        return response.json()
    except (ValueError, RecursionError):
        raise unreadable(response, once=once) from None


def unreadable(response: httpx.Response, *, once: bool) -> RemoteError:
    """The error for a body that nobody can read."""
    where = f"{response.request.url.host} answered {response.status_code}"
    if "transaction cancelled" in response.text[-2_000:].casefold():
        text = f"{where}, but cancelled the transaction: maximum execution time exceeded"
    else:
        text = f"{where} with a body that is not JSON, or ends in the middle"
    return OutcomeUnknown(text) if once else CutShort(text)
