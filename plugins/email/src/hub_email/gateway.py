"""The e-mail gateway: surveys leave by SMTP; answers and delivery reports are read from a mailbox."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, timedelta

from hub import (
    Capability,
    CheckResult,
    Context,
    Cursor,
    DeliveryReport,
    DeliveryStatus,
    Gateway,
    HubError,
    Inbound,
    Message,
    Receipt,
    Reply,
    Unexpected,
)
from hub_email.addressing import parse_mailbox, wire_address
from hub_email.compose import compose
from hub_email.gateway_config import EmailGatewaySettings
from hub_email.imap import FolderState, Mailbox
from hub_email.replies import read_inbound, unreadable
from hub_email.signing import Signer
from hub_email.smtp import Mail, SmtpPool

CAPABILITIES = frozenset({Capability.COLLECT, Capability.WAIT, Capability.REPEATABLE})
PAGE_SIZE = 50
RESCAN = timedelta(days=30)
"""How far back mail is read again when the server has numbered the folder anew; the hub drops what it knows."""


class EmailGateway(Gateway[EmailGatewaySettings]):
    """Sends each survey under a Message-ID made from its key, so that a repeated mail is recognised as the same."""

    def __init__(self, config: EmailGatewaySettings, context: Context) -> None:
        super().__init__(config, context)
        self._sender = parse_mailbox(config.from_address)
        self._addressing = config.addressing()
        self._signer = Signer(config.dkim) if config.dkim else None
        self._pool = SmtpPool(config)
        self._mailbox = Mailbox(config.imap) if config.imap else None
        self._seen: FolderState | None = None

    async def send(self, message: Message) -> Receipt:
        """Hand one survey to the submission server."""
        key = message.key
        content = compose(message, self._sender, self._addressing, self.context.clock.now())
        if self._signer is not None:
            content = await asyncio.to_thread(self._signer.sign, content)
        await self._pool.deliver(
            Mail(
                sender=self._addressing.reply_address(key),  # bounces and vacation notes go to the envelope sender
                recipient=wire_address(message.recipient),
                content=content,
                envelope_id=self._addressing.message_id(key).strip("<>"),
            )
        )
        return Receipt(key=key, status=DeliveryStatus.SENT, provider_id=self._addressing.message_id(key))

    async def collect(self, cursor: Cursor | None) -> AsyncIterator[Inbound]:
        """Yield the mail that came after `cursor` ("UIDVALIDITY:UID"), read without marking it as seen."""
        if self._mailbox is None or self.config.imap is None:
            return
        self._seen = state = await self._mailbox.examine(self.config.imap.folder)
        uidvalidity, last_uid = _position(cursor)
        renumbered = uidvalidity != state.uidvalidity
        uids = await self._uids_since(self._mailbox, cursor, last_uid, renumbered=renumbered)
        if renumbered and not uids:
            yield Inbound(cursor=_cursor(state.uidvalidity, await self._highest_uid(self._mailbox, state)))
        for start in range(0, len(uids), PAGE_SIZE):
            page = uids[start : start + PAGE_SIZE]
            found = [await self._read(self._mailbox, uid) for uid in page]
            yield Inbound(
                replies=tuple(item for item in found if isinstance(item, Reply)),
                reports=tuple(item for item in found if isinstance(item, DeliveryReport)),
                cursor=_cursor(state.uidvalidity, page[-1]),
            )

    async def wait(self) -> None:
        """Return as soon as mail arrives in the reply folder."""
        if self._mailbox is None or self.config.imap is None:
            await asyncio.Event().wait()
            return
        await self._mailbox.idle(self.config.imap.folder, self._seen)

    async def check(self) -> Sequence[CheckResult]:
        """Log in at the submission server and at the mailbox, and look for the DKIM key in DNS. Sends nothing and
        reads no mail."""
        signature = [await self._signer.check()] if self._signer else []
        return [await self._check_smtp(), *await self._check_imap(), *signature]

    async def close(self) -> None:
        """Log out of both servers."""
        await self._pool.close()
        if self._mailbox is not None:
            await self._mailbox.close()

    async def _uids_since(
        self, mailbox: Mailbox, cursor: Cursor | None, last_uid: int, *, renumbered: bool
    ) -> list[int]:
        if cursor is None:
            return []
        if renumbered:
            self.context.log.warning("gateway.mailbox_renumbered", rescan_days=RESCAN.days)
            return await mailbox.search(["SINCE", (self.context.clock.now() - RESCAN).date()])
        # "n:*" always gives the last message, also when its UID is below n.
        return [uid for uid in await mailbox.search(["UID", f"{last_uid + 1}:*"]) if uid > last_uid]

    async def _highest_uid(self, mailbox: Mailbox, state: FolderState) -> int:
        return state.uidnext - 1 if state.uidnext else max(await mailbox.search(["ALL"]), default=0)

    async def _read(self, mailbox: Mailbox, uid: int) -> Reply | DeliveryReport | None:
        fetched = await mailbox.fetch_message(uid)
        if fetched is None:
            return None
        received_at = fetched.received_at.astimezone(UTC)
        try:
            # A large mail takes a while to parse; other work goes on meanwhile.
            return await asyncio.to_thread(read_inbound, fetched.content, received_at, self._addressing)
        except Exception as error:  # noqa: BLE001 - a mail that nobody foresaw must not hold up all later ones
            self.context.log.error("gateway.mail_unreadable", uid=uid, error=type(error).__name__)
            return unreadable(fetched.content, received_at)

    async def _check_smtp(self) -> CheckResult:
        config = self.config
        what = f"submission server {config.smtp_host}:{config.smtp_port}"
        try:
            await self._pool.probe()
        except HubError as error:
            return CheckResult(what, ok=False, detail=str(error))
        login = "signed in" if config.smtp_username else "no login configured"
        return CheckResult(what, ok=True, detail=f"{config.smtp_security}, {login}; nothing was sent")

    async def _check_imap(self) -> list[CheckResult]:
        settings = self.config.imap
        if settings is None:
            detail = "no 'imap' settings: answers by mail and bounces are not read, only the answer page counts"
            return [CheckResult("reply mailbox", ok=True, detail=detail)]
        mailbox = Mailbox(settings)  # the gateway's own may be waiting for news
        try:
            state = await mailbox.examine(settings.folder)
        except HubError as error:
            return [CheckResult(f"reply mailbox {settings.host}", ok=False, detail=str(error))]
        finally:
            await mailbox.close()
        return [
            CheckResult(f"reply mailbox {settings.host}", ok=True, detail=f"{settings.folder}: {state.exists} mails"),
            CheckResult(
                "addresses with a key",
                ok=True,
                detail=f"not tried: send a mail to NAME{self.config.reply_delimiter}test@ of 'reply_address' yourself "
                "and see that it arrives in the folder",
            ),
        ]


def _cursor(uidvalidity: int, uid: int) -> Cursor:
    return Cursor(f"{uidvalidity}:{uid}")


def _position(cursor: Cursor | None) -> tuple[int, int]:
    if cursor is None:
        return 0, 0
    uidvalidity, _, uid = cursor.partition(":")
    try:
        return int(uidvalidity), int(uid)
    except ValueError:
        raise Unexpected(
            "the stored position in the reply mailbox cannot be read; reset it to start from now"
        ) from None
