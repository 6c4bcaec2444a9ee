"""The part of the stop list that is in a file: addresses, numbers and domains that are never surveyed."""

from __future__ import annotations

import re
from pathlib import Path

from hub.config.messages import ConfigProblems, Problem
from hub.config.syntax import read_text
from hub.journey.addresses import StopList, entry

_COMMENT = re.compile(r"(?:^|\s)#")
NEXT_STEP = "Correct the stop list, then run: hub config check"
FORMS = "mail address, phone number or domain. Write a@b.example, +358401234567 or @b.example"


def read_stop_list(file: Path | None, region: str) -> StopList:
    """The entries of a file, one in each line; empty lines and what follows a # are passed over.

    :param region: country, as two letters, of phone numbers that are written without a country code.
    :raises ConfigProblems: everything that is wrong with it, without what stands in it.
    """
    if file is None:
        return StopList()
    entries, problems = set[str](), []
    for number, line in enumerate(read_text(file, next_step=NEXT_STEP).splitlines(), 1):
        if not (written := _COMMENT.split(line)[0].strip()):
            continue
        if found := entry(written, region):
            entries.add(found)
        else:
            problems.append(Problem(number, "", f"is no {FORMS}."))
    if problems:
        raise ConfigProblems(file, problems, next_step=NEXT_STEP)
    return StopList(frozenset(entries))
