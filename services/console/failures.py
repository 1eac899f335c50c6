"""How a command ends that cannot do its work: one or two sentences and an exit code, never a trace."""

from typing import Final

FAILED: Final = 1
MISUSED: Final = 2
"""The command itself was wrong: an unknown option, a missing argument, a name that does not exist."""

NOT_SENT: Final = 2
"""Of `send`, `import` and `reconcile`: wrong use, or the file as a whole could not be sent; 1 is for single lines."""

INTERRUPTED: Final = 130
"""Ended by Ctrl-C before it was done, as shells say it."""


class Failure(Exception):  # noqa: N818 - what a person reads as the end of a command, not a programming error
    """A command cannot go on; the text says what was wrong and what to do, and holds no personal data."""

    def __init__(self, text: str, code: int = FAILED) -> None:
        super().__init__(text)
        self.code = code
