"""Looks for what must not be told in what was told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus


def assert_redacted(records: Iterable[object], *secrets: str) -> None:
    """Fail if one of the secrets can be read in one of the records.

    :param records: anything that may have been shown to somebody: texts, log entries, `caplog.records`, exceptions.
        Of an exception everything that a traceback would print is looked at, also its causes.
    :param secrets: credentials, phone numbers, addresses, customers' words. Also found when written for a URL.
    """
    __tracebackhide__ = True
    for record in records:
        for told in _texts(record):
            for secret in secrets:
                assert not _reveals(told, secret), f"this shows {secret!r}, which must stay private: {told}"


def _reveals(told: str, secret: str) -> bool:
    if not secret:
        return False
    forms = {secret, quote(secret), quote(secret, safe=""), quote_plus(secret), repr(secret)[1:-1], ascii(secret)[1:-1]}
    return any(form in told for form in forms)


def _texts(record: object) -> Iterator[str]:
    if isinstance(record, BaseException):
        for error in _chain(record):
            yield f"{type(error).__name__}: {error} {error.args!r} {' '.join(getattr(error, '__notes__', ()))}"
    elif hasattr(record, "getMessage"):
        yield record.getMessage()
        if getattr(record, "exc_info", None):
            yield from _texts(record.exc_info[1])  # type: ignore[attr-defined]  # a LogRecord by its method
    else:
        yield str(record)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An exception and those that a traceback shows with it."""
    yield error
    for inner in getattr(error, "exceptions", ()):
        yield from _chain(inner)
    earlier = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if earlier is not None:
        yield from _chain(earlier)
