"""Lines that a person types while other things are being printed."""

from __future__ import annotations

import asyncio
import io
import sys
import threading
from contextlib import suppress


class Keyboard:
    """Reads standard input line by line, and keeps what is typed whole when something is printed meanwhile."""

    def __init__(self) -> None:
        self._is_terminal = sys.stdin.isatty()
        self._prompt = ""
        self._readline = None
        self._settings = None
        if self._is_terminal:
            import readline
            import termios

            self._readline = readline
            self._settings = termios.tcgetattr(sys.stdin)

    async def line(self, prompt: str) -> str | None:
        """The next line; None at the end of the input."""
        loop = asyncio.get_running_loop()
        read: asyncio.Future[str | None] = loop.create_future()

        def work() -> None:
            line = self._read(prompt)
            with suppress(RuntimeError):  # the loop may have ended meanwhile
                loop.call_soon_threadsafe(lambda: read.done() or read.set_result(line))

        self._prompt = prompt
        threading.Thread(target=work, daemon=True).start()  # nobody waits for a person who has left
        try:
            return await read
        finally:
            self._prompt = ""

    def interrupt(self, text: str) -> str:
        """What to write so that this text stands above the line that is being typed."""
        if not (self._prompt and self._readline):
            return text
        return f"\r\x1b[K{text}{self._prompt}{self._readline.get_line_buffer()}"

    def close(self) -> None:
        """Leave the terminal as it was."""
        if self._settings is not None:
            import termios

            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, self._settings)

    def _read(self, prompt: str) -> str | None:
        if self._is_terminal:
            try:
                return input(prompt)
            except EOFError:
                return None
        line = io.FileIO(0, closefd=False).readline()  # without a buffer, whose lock would outlive this process's end
        return line.decode(errors="replace") if line else None


class Screen(io.TextIOBase):
    """Standard output, above the line that is being typed."""

    def __init__(self, keyboard: Keyboard) -> None:
        self._keyboard = keyboard

    def write(self, text: str) -> int:
        """Print."""
        sys.stdout.write(self._keyboard.interrupt(text) if text else "")
        return len(text)

    def flush(self) -> None:
        """Show what was printed."""
        sys.stdout.flush()

    def isatty(self) -> bool:
        """Whether a person sees it."""
        return sys.stdout.isatty()
