"""axe-core, which finds faults of accessibility in a page: fetched when a test needs it.

It is under the MPL 2.0 and no part of this repository. Its archive is kept in a cache folder and
checked against the digest below each time.
"""

import base64
import hashlib
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

VERSION = "4.10.3"
INTEGRITY = (
    "sha512-Xm7bpRXnDSX2YE2YFfBk2FnF0ep6tmG7xPh8iHee8MIcrgq762Nkc"
    "e856dYtJYLkuIoYZvGfTs/PbZhideTcEg=="
)
"""Of the archive, as the npm registry has it."""

CACHE = Path.home() / ".cache" / "slotkeeper-tests"


def source() -> str:
    """Give its script; a test that cannot have it says what to install."""
    archive = CACHE / f"axe-core-{VERSION}.tgz"
    if not archive.exists():
        npm = shutil.which("npm")
        if npm is None:
            pytest.skip("npm is missing (apt-get install npm): it fetches axe-core")
        CACHE.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(
            [npm, "pack", f"axe-core@{VERSION}", "--pack-destination", CACHE, "--silent"],
            capture_output=True,
            check=False,
        )
        if done.returncode:
            pytest.skip(f"axe-core cannot be fetched: {done.stderr.decode()[-200:]}")
    digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    assert f"sha512-{digest}" == INTEGRITY
    with tarfile.open(archive) as opened:
        file = opened.extractfile("package/axe.min.js")
        assert file is not None
        return file.read().decode()
