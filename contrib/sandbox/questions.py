"""What the hub asks, read as customers read it: from the text of a message."""

from __future__ import annotations

from itertools import product

from hub.config.models import HubConfig
from hub.config.texts import LANGUAGES, TONES
from hub.survey.model import surveys_of
from hub.survey.wording import sms_text


class Questions:
    """The questions of the survey after a closing."""

    def __init__(self, config: HubConfig, survey: str = "closing") -> None:
        asked = surveys_of(config)[survey]
        self.messages = asked.messages
        """The most SMS in a conversation."""
        self._by_text = {
            sms_text(question, language, tone): id_
            for (id_, question), language, tone in product(asked.questions.items(), LANGUAGES, TONES)
        }

    def asked_in(self, text: str) -> str | None:
        """The question that an SMS asks; None when it asks nothing, as thanks do."""
        return next((id_ for words, id_ in self._by_text.items() if words in text), None)
