"""A disk of its own for what a test fills: a file system in memory, whose room is taken away and given back."""

import contextlib
import os
import pwd
import subprocess
from pathlib import Path

from tests.parts.processes import PartMissing, said

ROOMY_BYTES = 1 << 30
"""Only what is written takes memory."""
TRIES_MAX = 20


class SmallDisk:
    """A mounted file system. Only root may mount one."""

    def __init__(self, folder: Path, *, user: str | None = None) -> None:
        """Mount it over `folder`, which is made, for a user. Raises PartMissing where this process may not."""
        if os.geteuid() != 0:
            raise PartMissing("only root may mount a file system")
        folder.mkdir(parents=True, exist_ok=True)
        owner = pwd.getpwnam(user) if user else pwd.getpwuid(0)
        options = f"size={ROOMY_BYTES},mode=700,uid={owner.pw_uid},gid={owner.pw_gid}"
        said(["mount", "-t", "tmpfs", "-o", options, "huitou-tests", str(folder)])
        self.folder = folder

    def fill(self) -> None:
        """Leave no room for anything but what is there."""
        for tries_left in reversed(range(TRIES_MAX)):
            room = os.statvfs(self.folder)
            try:
                self._resize((room.f_blocks - room.f_bfree) * room.f_frsize)
                return
            except PartMissing:  # something was written meanwhile
                if not tries_left:
                    raise

    def empty(self) -> None:
        """Give the room back."""
        self._resize(ROOMY_BYTES)

    def close(self) -> None:
        """Unmount it, also while somebody still has a file open in it."""
        with contextlib.suppress(OSError):
            subprocess.run(["umount", "--lazy", str(self.folder)], capture_output=True, check=False)

    def _resize(self, size: int) -> None:
        said(["mount", "-o", f"remount,size={size}", str(self.folder)])


def small_disk(folder: Path, *, user: str | None = None) -> SmallDisk | None:
    """Mount a disk over a folder; None where this process may not."""
    try:
        return SmallDisk(folder, user=user)
    except PartMissing:
        return None
