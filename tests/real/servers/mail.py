"""Mail: Postfix takes it, Dovecot keeps it, for a desk at desk.test and its customers at customer.test.

survey, bounces, hub @desk.test       what is sent to them, with and without +detail, is in their INBOX
maija, pekka @customer.test           ordinary customers
away @customer.test                   answers automatically
full @customer.test                   has a mailbox without room
anybody else @customer.test           does not exist
anybody @reject.test, @defer.test     refused for good; tried until the queue gives up, with a warning before
"""

from __future__ import annotations

import email
import imaplib
import shutil
import smtplib
import ssl
from dataclasses import dataclass, field
from email import policy
from email.message import EmailMessage
from pathlib import Path
from string import Template

import trustme

from tests.real.servers.apt import library_path, unpack
from tests.real.servers.process import Program, free_port

TEMPLATES = Path(__file__).parent / "templates"
DOVECOT_MODULES = Path("/usr/lib/dovecot")
"""Dovecot loads its TLS code from here, wherever its configuration says that the rest is."""
USERS = {
    "survey@desk.test": "",
    "bounces@desk.test": "",
    "hub@desk.test": "",
    "maija@customer.test": "",
    "pekka@customer.test": "",
    "away@customer.test": "",
    "full@customer.test": "userdb_quota_rule=*:bytes=1",
}
"""Mailboxes, and what is special about them."""
POSTFIX_USER, POSTFIX_GROUP, DOVECOT_USER, MAIL_USER = "news", "uucp", "irc", "mail"
"""Users and groups that every Debian has. Postfix insists on a user and a group of its own."""


@dataclass(frozen=True)
class Ports:
    """Loopback ports."""

    mx: int = field(default_factory=free_port)
    """SMTP between organisations, without a login."""
    submission: int = field(default_factory=free_port)
    """SMTP for users, STARTTLS and login required."""
    submissions: int = field(default_factory=free_port)
    """SMTP for users over TLS."""
    imap: int = field(default_factory=free_port)
    """IMAP with STARTTLS."""
    imaps: int = field(default_factory=free_port)
    """IMAP over TLS."""


def password(user: str) -> str:
    """Give the password of a mailbox."""
    return f"{user.partition('@')[0]}-pw"


class MailServer:
    """A Postfix and a Dovecot."""

    host = "localhost"
    """The name in the certificate."""

    def __init__(self, folder: Path) -> None:
        self.ports = Ports()
        self.ca_file = folder / "ca.pem"
        """The authority that signed the certificate."""
        self._folder = folder
        root = unpack(("postfix", "dovecot-core", "dovecot-imapd", "dovecot-lmtpd", "dovecot-sieve"), folder)
        self._modules = root / "usr/lib/dovecot"
        libraries = library_path(root, "usr/lib/dovecot", "usr/lib/dovecot/modules/old-stats", "usr/lib/postfix")
        self._write_certificate()
        self._write_config(root, libraries)
        self._make_folders()
        env = {"LD_LIBRARY_PATH": libraries, "MAIL_CONFIG": str(folder / "postfix")}
        master = (root / "usr/lib/postfix/sbin/master", "-s", "-c", folder / "postfix")
        config = folder / "dovecot.conf"
        # what dovecot does by itself when its configuration reader is where the package has it
        reader = (root / "usr/bin/doveconf", "-f", "service=master", "-m", "master", "-c", config, "-e")
        dovecot = (*reader, root / "usr/sbin/dovecot", "-F", "-c", config)
        self._postfix = Program("postfix", master, env=env, log=folder / "postfix.out")
        self._dovecot = Program("dovecot", dovecot, env=env, log=folder / "dovecot.out")

    def start(self) -> None:
        """Start both; mailboxes and the queue are as they were left."""
        if not DOVECOT_MODULES.exists():
            DOVECOT_MODULES.unlink(missing_ok=True)  # a run that was killed left its link
            DOVECOT_MODULES.symlink_to(self._modules)
        self._dovecot.start(self.ports.imap, self.ports.imaps)
        self._postfix.start(self.ports.mx, self.ports.submission, self.ports.submissions)

    def stop(self) -> None:
        """Stop both."""
        self._postfix.stop()
        self._dovecot.stop()
        if DOVECOT_MODULES.is_symlink() and DOVECOT_MODULES.readlink() == self._modules:
            DOVECOT_MODULES.unlink()

    def deliver(self, message: EmailMessage, *, sender: str, recipient: str) -> None:
        """Bring a message in from outside, as the server of another organisation would.

        :raises smtplib.SMTPException: it was refused.
        """
        with smtplib.SMTP(self.host, self.ports.mx, timeout=10) as smtp:
            smtp.send_message(message, from_addr=sender, to_addrs=[recipient])

    def read(self, user: str) -> list[EmailMessage]:
        """Give everything in the inbox of `user`, oldest first. Nothing is marked as read."""
        context = ssl.create_default_context(cafile=str(self.ca_file))
        with imaplib.IMAP4_SSL(self.host, self.ports.imaps, ssl_context=context, timeout=10) as imap:
            imap.login(user, password(user))
            imap.select("INBOX", readonly=True)
            numbers = imap.search(None, "ALL")[1][0].split()
            fetched = [imap.fetch(number, "(BODY.PEEK[])")[1][0] for number in numbers]
        return [email.message_from_bytes(part[1], policy=policy.default) for part in fetched if isinstance(part, tuple)]

    def _write_certificate(self) -> None:
        authority = trustme.CA()
        certificate = authority.issue_cert("localhost", "mail.desk.test", "127.0.0.1")
        authority.cert_pem.write_to_path(self.ca_file)
        certificate.private_key_pem.write_to_path(self._folder / "server.key")
        (self._folder / "server.key").chmod(0o600)
        for blob in certificate.cert_chain_pems:
            blob.write_to_path(self._folder / "server.pem", append=True)

    def _write_config(self, root: Path, libraries: str) -> None:
        values = {
            "run": self._folder,
            "root": root,
            "libraries": libraries,
            "postfix_user": POSTFIX_USER,
            "postfix_group": POSTFIX_GROUP,
            "dovecot_user": DOVECOT_USER,
            **{f"{name}_port": port for name, port in vars(self.ports).items()},
        }
        config = self._folder / "postfix"
        config.mkdir()
        for template, target in (("main.cf", config), ("master.cf", config), ("dovecot.conf", self._folder)):
            text = Template((TEMPLATES / template).read_text("utf-8")).substitute(values)
            (target / template).write_text(text, "utf-8")
        (config / "mailboxes").write_text("".join(f"{user} x\n" for user in USERS), "utf-8")
        users = [f"{user}:{password(user)}::::::{extra}\n" for user, extra in USERS.items()]
        (self._folder / "users").write_text("".join(users), "utf-8")

    def _make_folders(self) -> None:
        queue = self._folder / "queue"
        for name in ("pid", "public", "maildrop"):
            (queue / name).mkdir(parents=True)
        private = "active bounce corrupt defer deferred flush hold incoming private saved trace"
        for name in private.split():
            _mkdir(queue / name, POSTFIX_USER, mode=0o700)
        for name, mode in (("public", 0o710), ("maildrop", 0o730)):
            shutil.chown(queue / name, POSTFIX_USER, POSTFIX_GROUP)
            (queue / name).chmod(mode)
        _mkdir(self._folder / "data", POSTFIX_USER, mode=0o700)
        for name in ("base", "state"):
            (self._folder / "dovecot" / name).mkdir(parents=True)
        home = self._folder / "mailboxes" / "customer.test" / "away"
        home.mkdir(parents=True)
        shutil.copy(TEMPLATES / "vacation.sieve", home / ".dovecot.sieve")
        for path in (home / ".dovecot.sieve", home, home.parent, home.parent.parent):
            shutil.chown(path, MAIL_USER, MAIL_USER)


def _mkdir(path: Path, owner: str, *, mode: int) -> None:
    path.mkdir()
    shutil.chown(path, owner)
    path.chmod(mode)
