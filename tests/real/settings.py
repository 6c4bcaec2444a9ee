"""What a hub.toml says of the real servers, and the secrets that it names."""

from __future__ import annotations

from pathlib import Path

from tests.real.desk import SURVEYS
from tests.real.servers.kannel import Kannel
from tests.real.servers.mail import MailServer, password


def web(kannel: Kannel) -> str:
    """Where Kannel expects the hub."""
    return f"""
[web]
listen = "127.0.0.1:{kannel.hook_port}"
public_url = "http://127.0.0.1:{kannel.hook_port}"
"""


def survey(*gateways: str, more: str = "") -> str:
    """Surveys that leave at once, whenever that is.

    :param more: further settings of `[survey]`.
    """
    return f"""
[survey]
sender_name = "Acme"
gateways = [{", ".join(f'"{one}"' for one in gateways)}]
delay = "0s"
contact_interval = "0s"
quiet_hours = ""
{more}
"""


def desk_of_files(folder: Path) -> str:
    """A desk whose tickets and results are lines of files."""
    return f"""
[sources.desk]
plugin = "files"
interval = "1s"
folder = "{folder}"
"""


def sms(kannel: Kannel, folder: Path) -> str:
    """The gateway `sms`; writes its secrets into the folder of hub.toml."""
    (folder / "sms").write_text(f"{kannel.password}\n")
    (folder / "callback").write_text(kannel.callback_secret)
    return f"""
[gateways.sms]
plugin = "kannel"
url = "{kannel.url}"
username = "{kannel.username}"
password = {{ file = "sms" }}
sender = "{kannel.desk_number}"
callback_secret = {{ file = "callback" }}
"""


def mail(server: MailServer, folder: Path) -> str:
    """The gateway `mail`; writes its secret into the folder of hub.toml."""
    (folder / "survey").write_text(f"{password(SURVEYS)}\n")
    return f"""
[gateways.mail]
plugin = "email"
interval = "5s"
smtp_host = "{server.host}"
smtp_port = {server.ports.submission}
smtp_username = "{SURVEYS}"
smtp_password = {{ file = "survey" }}
ca_file = "{server.ca_file}"
from_address = "Acme <{SURVEYS}>"
reply_address = "{SURVEYS}"
[gateways.mail.imap]
host = "{server.host}"
port = {server.ports.imaps}
ca_file = "{server.ca_file}"
username = "{SURVEYS}"
password = {{ file = "survey" }}
"""
