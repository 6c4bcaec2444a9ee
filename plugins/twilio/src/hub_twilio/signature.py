"""Tells Twilio's webhooks from forgeries.

Twilio signs the address it calls, as it was configured, followed by each name and value of the form in order
(https://www.twilio.com/docs/usage/security). Names count with their case; of equal pairs one is signed. Twilio is not
consistent about the port, so that both ways of writing it are good, as they are in its own libraries.
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Sequence
from hashlib import sha1, sha256
from urllib.parse import parse_qsl

from hub import Webhook, WebhookRefused

SIGNATURE, SETTINGS = "x-twilio-signature", "x-twilio-webhooks-signature-settings"
FORM = "application/x-www-form-urlencoded"
MAX_FIELDS = 500
_HASHES = {"HMAC_SHA1": sha1, "HMAC_SHA256": sha256}
_AUTHORITY = re.compile(r"(https?)://(\[[^\]/?#]*\]|[^:/?#]*)(?::([0-9]+))?")
_PORTS = {"https": "443", "http": "80"}

Form = Sequence[tuple[str, str]]


def signed_form(request: Webhook, auth_token: str, webhook_key: str | None) -> dict[str, str]:
    """The fields of a form that Twilio has sent; of a repeated one the last.

    Each kind of signature has its own key, so that the caller cannot choose a weaker one.

    :param webhook_key: signs with SHA-256; None when no such key is in use.
    :raises WebhookRefused: not signed with the key, or no form.
    """
    algorithm = _algorithm(request.headers.get(SETTINGS, ""))
    key = {"HMAC_SHA1": auth_token, "HMAC_SHA256": webhook_key}.get(algorithm)
    if key is None:
        raise WebhookRefused("signed in a way that the settings do not provide for; see auth_token and webhook_key")
    form = _form(request)
    given = request.headers.get(SIGNATURE, "").encode("utf-8", "replace")
    good = [hmac.compare_digest(sign(url, form, key, algorithm).encode(), given) for url in _ways_to_write(request.url)]
    if not any(good):
        raise WebhookRefused("not signed by Twilio with the account's auth token over web.public_url as it stands")
    return dict(form)


def sign(url: str, form: Form, key: str, algorithm: str = "HMAC_SHA1") -> str:
    """The signature, in Base64."""
    text = url + "".join(name + value for name, value in sorted(set(form)))
    digest = hmac.new(key.encode(), text.encode("utf-8", "surrogatepass"), _HASHES[algorithm]).digest()
    return base64.b64encode(digest).decode()


def _algorithm(settings: str) -> str:
    """What the header `key=...,algorithm=HMAC_SHA256` names; without one, the signature is the older kind."""
    named = dict(part.strip().split("=", 1) for part in settings.split(",") if "=" in part).get("algorithm", "")
    return named.strip().upper() or "HMAC_SHA1"


def _form(request: Webhook) -> Form:
    """All fields, blank ones among them: they are signed too.

    JSON is refused, whatever its signature covers: Twilio sends messages as forms only.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        raise WebhookRefused("not a form", status=415)
    try:
        text = request.body.decode("utf-8", "replace")
        return parse_qsl(text, keep_blank_values=True, errors="replace", max_num_fields=MAX_FIELDS)
    except ValueError:
        raise WebhookRefused("the form cannot be read", status=400) from None


def _ways_to_write(url: str) -> tuple[str, str]:
    """The address without a port, and with the one it has or its scheme implies; nothing else of it changes."""
    start = _AUTHORITY.match(url)
    if start is None:
        return url, url
    scheme, host, port = start.groups()
    rest = url[start.end() :]
    return f"{scheme}://{host}{rest}", f"{scheme}://{host}:{port or _PORTS[scheme]}{rest}"
