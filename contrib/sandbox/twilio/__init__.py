"""A Twilio account, its Messages API and the phones behind it, as far as a gateway meets them.

site.py     the account: credentials, senders, messages and what becomes of them
api.py      what it answers over HTTP
hooks.py    what it calls: status callbacks and customers' messages, signed
phones.py   plays phones by itself, as the sandbox's other phones do
"""

from sandbox.twilio.hooks import Delivery, sign
from sandbox.twilio.phones import TwilioPhones
from sandbox.twilio.site import ACCOUNT, API_KEY, API_SECRET, NUMBER, SERVICE, TOKEN, Text, TwilioSite

__all__ = [
    "ACCOUNT",
    "API_KEY",
    "API_SECRET",
    "NUMBER",
    "SERVICE",
    "TOKEN",
    "Delivery",
    "Text",
    "TwilioPhones",
    "TwilioSite",
    "sign",
]
