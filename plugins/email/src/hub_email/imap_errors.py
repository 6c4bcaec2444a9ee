"""What an IMAP library raises, in the hub's words. Only response codes are quoted: servers put addresses into texts."""

from __future__ import annotations

import imaplib
import re
import socket
import ssl

from imapclient.exceptions import LoginError

from hub import AuthFailed, OutcomeUnknown, RemoteError, Unavailable, Unexpected

_CODE = re.compile(r"\[([A-Z][A-Z0-9-]*)")  # RFC 5530 and what some servers add
_PASSING = {"UNAVAILABLE", "LIMIT", "OVERQUOTA", "INUSE", "SERVERBUG", "THROTTLED"}
_DENIED = {"AUTHENTICATIONFAILED", "AUTHORIZATIONFAILED", "EXPIRED", "PRIVACYREQUIRED", "NOPERM"}
_MISSING = {"NONEXISTENT", "TRYCREATE"}
_M365_PASSING = "AUTHENTICATED BUT NOT CONNECTED"


class FolderMissing(Unexpected):
    """The mailbox has no folder of that name."""


def is_refusal(error: Exception) -> bool:
    """Whether the server answered NO or BAD to one command, and the connection is as good as before."""
    return isinstance(error, imaplib.IMAP4.error) and not isinstance(error, imaplib.IMAP4.abort)


def translate(error: Exception, *, host: str, what: str, effect: bool = False) -> RemoteError:
    """The hub's error for a library's.

    :param what: the command that failed.
    :param effect: it changes something, so that a lost answer leaves open whether it was carried out.
    """
    if isinstance(error, ssl.SSLCertVerificationError):
        reason = f"its certificate cannot be verified ({error.verify_message})"
        return Unavailable(f"{host}: {reason}; correct 'host' or name the authority in 'ca_file'")
    if is_refusal(error):
        return _refusal(error, host, what)
    # What is neither of the two comes from the library's parser.
    lost = isinstance(error, OSError | imaplib.IMAP4.abort) and "unexpected response" not in str(error)
    kind = OutcomeUnknown if effect else Unavailable if lost else Unexpected
    if isinstance(error, OSError):
        return kind(f"{host}: {_network(error)} (during {what})")
    failed = "the connection was lost" if lost else "the answer cannot be read"
    return kind(f"{host}: {failed} during {what}")


def _network(error: OSError) -> str:
    """A failed connection in words an admin can act on."""
    if isinstance(error, socket.gaierror):
        return "no such host name; correct 'host'"
    if isinstance(error, ConnectionRefusedError):
        return "nothing listens on that port; correct 'host' or 'port'"
    if isinstance(error, ssl.SSLError):
        return "it does not speak TLS on that port; correct 'port' or 'security'"
    if isinstance(error, TimeoutError):
        return "no answer in time; see that the host can be reached, or raise 'timeout'"
    return "the connection was lost"


def _refusal(error: Exception, host: str, what: str) -> RemoteError:
    text = str(error).upper()
    found = _CODE.search(text)
    code = found[1] if found else ""
    detail = f" [{code}]" if code else ""
    if code in _PASSING or _M365_PASSING in text:
        return Unavailable(f"{host} cannot do {what} for the moment{detail}")
    if isinstance(error, LoginError):
        return AuthFailed(f"{host} refused the login{detail}; check 'username' and the password or token")
    if code in _DENIED:
        return AuthFailed(f"{host} does not allow {what} to this account{detail}")
    if code in _MISSING:
        return FolderMissing(f"{host}: the folder for {what} does not exist{detail}")
    return Unexpected(f"{host} refused {what}{detail}")
