"""The digest by which folders name their files."""

import hashlib
from pathlib import Path


def digest(path: Path) -> str:
    """Give the SHA-256 of a file, hexadecimal.

    Raises:
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
