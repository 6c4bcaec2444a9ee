"""What customers said of tickets."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from hub import Channel, Experience, Score, TicketSnapshot

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.fixture
def answer() -> Callable[..., Experience]:
    """Make an experience: `answer(ticket_id, revision=1, **changes)`."""

    def make(ticket_id: str, revision: int = 1, **changes: Any) -> Experience:
        ticket = TicketSnapshot(source="snow", id=ticket_id, key="INC0010001", closure_key="0:resolved", closed_at=AT)
        plain = Experience(
            id="x991",
            revision=revision,
            ticket=ticket,
            survey="closing",
            survey_version="1",
            channel=Channel.SMS,
            language="fi",
            scores=(Score(question="csat", value=4, minimum=1, maximum=5),),
            comment="Kiitos, Åsa!",
            answered_at=AT,
        )
        return plain.model_copy(update=changes)

    return make
