"""How many rows are asked for at once."""

from __future__ import annotations

SMALLEST = 25
_CALM = 20
"""Pages in a row that came in time, before more is asked for again."""


class PageSize:
    """Halved when the instance cannot answer in time, and grown again slowly. One for all walks of a source."""

    def __init__(self, most: int) -> None:
        self.rows = most
        self._most = most
        self._in_time = 0

    def halve(self) -> bool:
        """Ask for less from now on; False when there is no less."""
        if self.rows <= SMALLEST:
            return False
        self.rows = max(SMALLEST, self.rows // 2)
        self._in_time = 0
        return True

    def came(self) -> None:
        """Note a page that came in time."""
        self._in_time += 1
        if self._in_time >= _CALM:
            self.rows = min(self._most, self.rows + SMALLEST)
            self._in_time = 0
