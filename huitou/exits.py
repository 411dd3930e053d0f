"""The ways a command ends: with a sentence for a person, and an exit code for a script."""

from enum import IntEnum


class Exit(IntEnum):
    """The exit codes of every command; docs/reference/commands.md lists them."""

    DONE = 0
    """The command did what was asked for, or found that it holds."""
    FAILED = 1
    """It was done and the answer is no: the books drift, rows were refused, the product said no."""
    USAGE = 2
    """The command line cannot be understood."""
    HOME_IN_USE = 3
    """Another process runs the product in this home folder."""
    PORT_TAKEN = 4
    """A port the product needs is taken."""
    DISK_FULL = 5
    """The disk is full."""
    HOME_OF_OTHER_VERSION = 6
    """The home folder was written by a newer version, or by an older one that this version cannot continue."""
    NOT_RUNNING = 7
    """The command speaks to the running product, and none answers."""
    BAD_SETTING = 8
    """A setting in the environment cannot be used: HUITOU_HOME also if no product has begun in that folder."""
    DATABASE_AWAY = 9
    """A database does not answer, or lets the product not in."""
    MODEL_REJECTED = 10
    """A fit ended and its version was rejected; the version in force stays."""


class Refused(Exception):
    """The command cannot go on. Its sentence says why, and what to do."""

    def __init__(self, code: Exit, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
