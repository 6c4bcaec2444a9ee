"""What `hub check` proves about a desk's mailbox, without changing anything in it."""

from __future__ import annotations

from hub import CheckResult, RemoteError
from hub_email.config import EmailSourceConfig
from hub_email.imap import FolderState, Mailbox
from hub_email.imap_errors import FolderMissing


async def check_mailbox(mailbox: Mailbox, config: EmailSourceConfig) -> list[CheckResult]:
    """Connect, log in, and look at every folder and promise that will be needed."""
    try:
        can_idle = await mailbox.can_idle()
    except RemoteError as error:
        return [_bad("log in", str(error))]
    news = "the server tells news at once (IDLE)" if can_idle else "polling only: the server has no IDLE"
    results = [_good("log in", f"{config.security} to {config.host}; {news}")]
    results.append(await _check_folder(mailbox, config.inbox, "correct 'inbox'"))
    if config.closed_folder:
        results.append(await _check_folder(mailbox, config.closed_folder, "create it or correct 'closed_folder'"))
    if config.closed_keyword:
        results.append(await _check_keyword(mailbox, config.inbox, config.closed_keyword))
    if config.sent_folder:
        results.append(await _check_sent(mailbox, config.sent_folder))
    results.append(await _check_results(mailbox, config.results_folder))
    if config.result_keywords and config.closed_folder:
        results.append(await _check_keyword(mailbox, config.closed_folder, "$XM_SERVICE_5"))
    return results


async def _check_folder(mailbox: Mailbox, folder: str, remedy: str) -> CheckResult:
    what = f"folder {folder!r}"
    try:
        state = await mailbox.examine(folder)
    except FolderMissing:
        return _bad(what, f"it does not exist; {remedy}")
    except RemoteError as error:
        return _bad(what, str(error))
    return _good(what, _count(state))


async def _check_sent(mailbox: Mailbox, folder: str) -> CheckResult:
    found = await _check_folder(mailbox, folder, "correct 'sent_folder'")
    if found.ok:
        return found
    return _good(found.what, f"not usable, so agents and response times stay unknown: {found.detail}")


async def _check_results(mailbox: Mailbox, folder: str) -> CheckResult:
    what = f"folder {folder!r}"
    try:
        state = await mailbox.select(folder)
    except FolderMissing:
        return _good(what, "it does not exist; the first result makes it")
    except RemoteError as error:
        return _bad(what, f"{error}; give the account the right to append there")
    return _good(what, _count(state))


async def _check_keyword(mailbox: Mailbox, folder: str, keyword: str) -> CheckResult:
    what = f"keyword {keyword!r} in {folder!r}"
    try:
        state = await mailbox.select(folder)  # most servers tell only then which flags are kept
    except RemoteError as error:
        return _bad(what, str(error))
    if state.keeps(keyword):
        return _good(what, "the server keeps it")
    return _bad(what, "the server does not keep keywords; close tickets by folder ('closed_folder')")


def _count(state: FolderState) -> str:
    return f"{state.exists} messages"


def _good(what: str, found: str) -> CheckResult:
    return CheckResult(what, ok=True, detail=found)


def _bad(what: str, remedy: str) -> CheckResult:
    return CheckResult(what, ok=False, detail=remedy)
