"""What the pages of a survey show: the questions, the thanks with what else could be told, and the way back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from starlette.responses import HTMLResponse

from hub.config.survey import Language
from hub.survey.plain import one_line, ticket_subject
from hub.survey.texts import Texts
from hub.web.forms import hidden
from hub.web.ports import PlaceView, SurveyView
from hub.web.questions import Entered, first_page, follow_ups, in_form, in_words
from hub.web.views import Setting, Views

NOTHING = Entered()
_TIMES: Mapping[Language, str] = {
    "fi": "{at.day}.{at.month}.{at.year} klo {at:%H.%M}",
    "sv": "{at.day}.{at.month}.{at.year} kl. {at:%H.%M}",
    "en": "{at.day} {month} {at.year}, {at:%H:%M}",
}
_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)


def form(
    views: Views,
    setting: Setting,
    view: SurveyView | PlaceView,
    entered: Entered = NOTHING,
    *,
    status: int = 200,
    fault: str = "",
    changes: bool = False,
    unsubscribe: str = "",
) -> HTMLResponse:
    """The page with the first questions.

    :param fault: what went wrong, when it was not the customer.
    :param changes: there is an answer already. It is shown, and replaced question by question.
    :param unsubscribe: where the way out of further surveys is.
    """
    survey, texts = view.survey, setting.texts
    token = view.token if isinstance(view, SurveyView) else view.name
    asked = in_form(survey, first_page(survey), texts, entered, values={}, token=token)
    before = in_words(survey, view.values, view.remarks, texts) if changes and isinstance(view, SurveyView) else []
    chosen = [one.value for one in asked[0].controls if one.chosen]
    return views.page(
        "form.html",
        setting,
        422 if entered.problems else status,
        title=asked[0].text,
        sender=one_line(view.sender_name),
        about=about(texts, view),
        privacy=privacy(texts, view),
        asked=asked,
        before=before,
        fault=fault,
        stamp=view.stamp,
        unsubscribe=unsubscribe,
        nav={"change": "1" if changes else "", "r": "".join(chosen)},
    )


def answered(
    views: Views,
    setting: Setting,
    view: SurveyView,
    done: str,
    entered: Entered = NOTHING,
    *,
    status: int = 200,
    fault: str = "",
    links: Mapping[str, str],
) -> HTMLResponse:
    """The page of a survey that is answered.

    :param done: what was just done: "answered", "changed" or "more"; empty when the page is opened later.
    :param links: where the answer can be changed ("change") and withdrawn ("withdraw"), while it can.
    """
    survey, texts = view.survey, setting.texts
    held = view.held or {} if done else {}
    values = {**view.values, **held}
    is_over = done == "more" or not (done or links)
    ids = [] if is_over else follow_ups(survey, values, view.token)
    asked = in_form(survey, ids, texts, entered, values=values, token=view.token)
    title, text = _after(texts, done, more=bool(asked), settled=not links)
    return views.page(
        "answered.html",
        setting,
        422 if entered.problems else status,
        title=title,
        sender=one_line(view.sender_name),
        text=text,
        before=[] if done else in_words(survey, view.values, view.remarks, texts),
        asked=asked,
        heading="" if done == "answered" else texts.more_title,
        brought=list(hidden(held)),
        fault=fault,
        stamp=view.stamp,
        until=_until(texts, view.change_until) if links and view.change_until else "",
        links=links,
        done=done,
        nav={"done": done},
    )


def _after(texts: Texts, done: str, *, more: bool, settled: bool) -> tuple[str, str]:
    """Title and text."""
    match done:
        case "answered" if more:
            return texts.more_title, texts.more_text
        case "changed":
            return texts.changed_title, texts.changed_text
        case "answered" | "more":
            return texts.thanks_title, texts.thanks_text
    return texts.answered_title, texts.answered_text if settled else ""


def withdraw(views: Views, setting: Setting, view: SurveyView, *, keep: str) -> HTMLResponse:
    """The page that asks before it takes an answer back.

    :param keep: where the way back is.
    """
    return views.page(
        "withdraw.html",
        setting,
        200,
        title=setting.texts.withdraw_title,
        sender=one_line(view.sender_name),
        text="" if view.place else setting.texts.withdraw_text,
        stamp=view.stamp,
        keep=keep,
        nav={},
    )


def withdrawn(views: Views, setting: Setting, view: SurveyView, *, back: tuple[str, str] | None) -> HTMLResponse:
    """The page that says that an answer was taken back.

    :param back: words and an address to answer anew.
    """
    texts = setting.texts
    return views.page(
        "message.html",
        setting,
        200,
        title=texts.withdrawn_title,
        sender=one_line(view.sender_name),
        text="" if view.place else texts.withdrawn_text,
        back=back,
        nav={"done": "withdrawn"},
    )


def about(texts: Texts, view: SurveyView | PlaceView) -> str:
    """What is asked about, in a sentence or as the name of a place."""
    if isinstance(view, PlaceView):
        return view.title.get(texts.code) or next(iter(view.title.values()))
    if view.place:
        return ""
    ticket, subject = one_line(view.ticket_key), ticket_subject(view.subject)
    return texts.about_ticket(ticket=ticket, subject=subject, milestone=view.milestone)


def privacy(texts: Texts, view: SurveyView | PlaceView) -> str:
    """What happens with the answer, and who sees it."""
    sender = one_line(view.sender_name)
    if isinstance(view, PlaceView) or view.place:
        return texts.place_privacy.format(sender=sender)
    return texts.privacy.format(sender=sender, ticket=one_line(view.ticket_key))


def _until(texts: Texts, at: datetime) -> str:
    when = _TIMES[texts.code].format(at=at, month=_MONTHS[at.month - 1])
    return texts.change_until.format(until=when)
