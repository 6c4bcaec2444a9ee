"""Kannel: its core (bearerbox) and its HTTP interface (smsbox), bound to a service centre with phones."""

from __future__ import annotations

import signal
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from string import Template

from tests.real.servers.apt import library_path, unpack
from tests.real.servers.process import Program, ProgramEnded, free_port, wait_until
from tests.real.servers.smsc import Smsc

TEMPLATE = Path(__file__).parent / "templates" / "kannel.conf"
_MOST_STARTS = 10


@contextmanager
def _halted(program: Program) -> Iterator[None]:
    program.signal(signal.SIGSTOP)
    try:
        yield
    finally:
        program.signal(signal.SIGCONT)


class Kannel:
    """A Kannel with its service centre. Messages of customers and reports go to `hook_url`, where a hub may listen."""

    username = "hub"
    finnish_username = "finnish"
    """A second user, same password, who may send to Finnish numbers only."""
    password = "hub-secret"
    callback_secret = "loopback-secret-0001"
    desk_number = "16400"
    """Texts to this number come to the hub by GET."""
    post_number = "16401"
    """Texts to this number come to the hub by POST."""

    def __init__(self, folder: Path) -> None:
        self.hook_port = free_port()
        """The port the hub has to listen on, chosen before Kannel starts."""
        self.hook_url = f"http://127.0.0.1:{self.hook_port}/hooks/sms"
        """Where the hub has to serve the webhooks of its gateway named `sms`."""
        self._admin_port, self._smsbox_port, self._sendsms_port = free_port(), free_port(), free_port()
        self.url = f"http://127.0.0.1:{self._sendsms_port}/cgi-bin/sendsms"
        """The sendsms address."""
        smsc_port = free_port()
        self.smsc = Smsc(smsc_port)
        root = unpack(("kannel",), folder)
        config = self._write_config(folder, smsc_port)
        env = {"LD_LIBRARY_PATH": library_path(root)}
        box, core = root / "usr/sbin/smsbox", root / "usr/sbin/bearerbox"
        self._core = Program("bearerbox", (core, "-v", "3", config), env=env, log=folder / "bearerbox.out")
        self._box = Program("smsbox", (box, "-v", "3", config), env=env, log=folder / "smsbox.out")
        self.smsc.start()

    def start(self) -> None:
        """Start Kannel; what was queued before it stopped goes on."""
        # in this order: an smsbox that finds no bearerbox gives up
        self._core.start(self._admin_port, self._smsbox_port)
        self.start_box()

    def stop(self) -> None:
        """Stop Kannel; its store keeps what is under way. The phones stay on."""
        self._box.stop()
        self._core.stop()

    def kill_box(self) -> None:
        """End the HTTP interface as a crash would. The core goes on, and keeps what customers write."""
        self._box.kill()

    def start_box(self) -> None:
        """Start the HTTP interface, again and again until it stays, as a supervisor does.

        It listens before it is connected to the core, and panics when somebody asks it to send in between.
        """
        for _ in range(_MOST_STARTS):
            with suppress(ProgramEnded):
                self._box.start(self._sendsms_port)
                wait_until(lambda: not self._box.runs() or self._is_ready(), "Kannel, all of it", seconds=30)
                if self._box.runs():
                    return
        raise AssertionError(f"in {_MOST_STARTS} starts Kannel's HTTP interface did not stay")

    def kill(self) -> None:
        """End all of Kannel that runs as a crash would. The phones stay on."""
        self._box.kill()
        self._core.kill()

    def close(self) -> None:
        """Stop everything for good."""
        self.stop()
        self.smsc.stop()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Halt Kannel's core: requests are taken and get no answer until the end of the block."""
        with _halted(self._core):
            yield

    @contextmanager
    def box_frozen(self) -> Iterator[None]:
        """Halt Kannel's HTTP interface: connections are taken and nothing is read until the end of the block."""
        with _halted(self._box):
            yield

    def sent(self) -> list[tuple[str, str]]:
        """Give (number, text) of each message that arrived at a phone, oldest first."""
        return self.smsc.sent()

    def texts_at(self, number: str) -> list[str]:
        """Give the messages that arrived at one phone, oldest first."""
        return [text for to, text in self.sent() if to.lstrip("+") == number.lstrip("+")]

    def reply(self, sender: str, recipient: str, text: str) -> None:
        """Let the customer with the number `sender` write to `desk_number` or `post_number`."""
        self.smsc.reply(sender, recipient, text)

    def _is_ready(self) -> bool:
        status_url = f"http://127.0.0.1:{self._admin_port}/status.txt?password={self.password}"
        with urllib.request.urlopen(status_url, timeout=5) as answer:
            status = answer.read().decode("utf-8", "replace")
        return self.smsc.bound and "smsbox:box" in status

    def _write_config(self, folder: Path, smsc_port: int) -> Path:
        (folder / "store").mkdir()
        (folder / "reports").mkdir()
        text = Template(TEMPLATE.read_text("utf-8")).substitute(
            run=folder,
            admin_port=self._admin_port,
            smsbox_port=self._smsbox_port,
            sendsms_port=self._sendsms_port,
            smsc_port=smsc_port,
            down_port=free_port(),
            username=self.username,
            finnish_username=self.finnish_username,
            password=self.password,
            post_number=self.post_number,
            hook_url=self.hook_url,
            callback_secret=self.callback_secret,
        )
        config = folder / "kannel.conf"
        config.write_text(text, "utf-8")
        return config
