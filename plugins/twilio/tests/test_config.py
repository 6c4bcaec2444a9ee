"""What the settings refuse, in words that help."""

from __future__ import annotations

from typing import Any

import pytest
from hub_twilio.config import TwilioConfig
from pydantic import ValidationError
from sandbox.twilio import ACCOUNT, API_KEY, API_SECRET, NUMBER, SERVICE, TOKEN

GOOD: dict[str, Any] = {"account_sid": ACCOUNT, "auth_token": TOKEN, "sender": NUMBER}


def config(**changed: Any) -> TwilioConfig:
    given = {name: value for name, value in {**GOOD, **changed}.items() if value is not None}
    return TwilioConfig.model_validate(given)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"account_sid": "AC123"}, "account_sid"),
        ({"account_sid": ACCOUNT.upper()}, "account_sid"),
        ({"auth_token": "short"}, "16 or more printable ASCII characters"),
        ({"auth_token": "with a space in the middle"}, "without spaces"),
        ({"sender": None}, "either 'sender' or 'messaging_service_sid'"),
        ({"messaging_service_sid": SERVICE}, "either 'sender' or 'messaging_service_sid'"),
        ({"sender": "0401234567"}, "a number with \\+ and country code"),
        ({"sender": "358401234567"}, "a number with \\+ and country code"),
        ({"sender": "A name too long"}, "up to 11 characters"),
        ({"sender": "Äkta"}, "up to 11 characters"),
        ({"api_key_sid": API_KEY}, "both 'api_key_sid' and 'api_key_secret'"),
        ({"api_key_secret": API_SECRET}, "both 'api_key_sid' and 'api_key_secret'"),
        ({"url": "http://api.twilio.com"}, "use https"),
        ({"max_parts": 11}, "max_parts"),
        ({"tocken": "x"}, "tocken"),
    ],
)
def test_a_setting_that_cannot_work_is_refused(changed: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words) as caught:
        config(**changed)
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize(
    ("sender", "number"), [(NUMBER, NUMBER), ("16400", "16400"), ("Acme Desk", None), ("4ALL", None), ("a", None)]
)
def test_a_sender_is_a_number_a_short_code_or_a_name(sender: str, number: str | None) -> None:
    assert config(sender=sender).number == number
    assert config(sender=sender).own_addresses == ((number,) if number else ())


def test_plain_http_is_for_this_machine_only() -> None:
    assert str(config(url="http://127.0.0.1:8648").url) == "http://127.0.0.1:8648/"
