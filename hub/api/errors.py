"""What can go wrong, sorted by what the operator should do about it.

    HubError
    ├─ ConfigError          hub.toml, a secret or a contacts file is wrong
    ├─ PluginError          a plugin cannot be loaded or was written for another hub
    ├─ NotSupported         this component does not offer that
    ├─ WebhookRefused       a request to a webhook was not authentic or not readable
    └─ RemoteError          a system on the other side failed
       ├─ AuthFailed        credentials were refused: pause the component, tell the operator
       ├─ RateLimited       wait at least `retry_after`
       ├─ Unavailable       the request certainly did nothing: try again later
       ├─ OutcomeUnknown    the request may have been carried out: look first, never repeat blindly
       ├─ Rejected          this one item is bad: record it, go on with the next
       └─ Unexpected        the answer was not understood: record it, do not move the cursor

Messages are written for an operator: what happened and where. They never hold credentials, phone
numbers, addresses or customers' words.
"""

from __future__ import annotations

from datetime import timedelta


class HubError(Exception):
    """Base of everything the hub and its plugins raise on purpose."""


class ConfigError(HubError):
    """Something an admin wrote is wrong. The message names file, line and setting, and the next step."""


class PluginError(HubError):
    """A plugin cannot be loaded, or what it returned is not what its hook promises."""


class NotSupported(HubError):
    """The component does not declare the capability that this call needs."""


class WebhookRefused(HubError):
    """A webhook request is not authentic or cannot be read.

    :param status: the HTTP status to answer with, 403 for a wrong secret or signature, 400 for an unreadable body.
    """

    def __init__(self, message: str, *, status: int = 403) -> None:
        super().__init__(message)
        self.status = status


class RemoteError(HubError):
    """A remote system failed. Raise one of the subclasses: they decide what the hub does next."""


class AuthFailed(RemoteError):
    """Credentials were refused, or the account may not do this. The hub pauses the component."""


class RateLimited(RemoteError):
    """The remote system asks for a pause, and did not carry out the request.

    :param retry_after: how long to wait at least; None when the system did not say.
    """

    def __init__(self, message: str, *, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Unavailable(RemoteError):
    """The remote system cannot be reached or is out of order, and the request certainly did nothing.

    :param retry_after: when the system said so, how long to wait at least.
    """

    def __init__(self, message: str, *, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class OutcomeUnknown(RemoteError):
    """The request left, and no answer says whether it was carried out (a read time-out, a cut connection)."""


class Rejected(RemoteError):
    """The remote system refused this one item for good; others may pass.

    :param reason: a short code in the words of the remote system, stored with the item.
    :param address_unusable: the customer's address itself is dead or blocked; the hub stops using it.
    :param opted_out: the customer has told the service that they want no more messages; the hub asks this person
        nothing more, over no channel.
    """

    def __init__(
        self, message: str, *, reason: str = "rejected", address_unusable: bool = False, opted_out: bool = False
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.address_unusable = address_unusable
        self.opted_out = opted_out


class Unexpected(RemoteError):
    """The remote system answered something that its contract does not foresee."""
