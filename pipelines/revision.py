"""Which revision of the code this is.

In a checkout git says it, elsewhere the stamp that the build left.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

_ROOT = Path(__file__).parent.parent
_STAMP = Path(__file__).with_name("REVISION")  # written by setup.py
_SHORT = 12


def code_revision() -> str | None:
    """The commit, with a + where files differ from it; None where neither git nor a stamp tells."""
    if (_ROOT / ".git").exists():
        return _of_checkout()
    return _STAMP.read_text().strip() if _STAMP.is_file() else None


def short_revision(revision: str) -> str:
    """Its first digits, with its +."""
    return revision[:_SHORT] + ("+" if revision.endswith("+") else "")


def _of_checkout() -> str | None:
    command = ["git", "-C", str(_ROOT), "describe", "--always"]
    command += ["--abbrev=40", "--dirty=+", "--exclude=*"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None  # there is no git here, or one that doesn't trust the folder
    return done.stdout.strip()
