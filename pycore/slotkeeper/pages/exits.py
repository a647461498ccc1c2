"""How exits stand, as the command line works it out: a folder for each build."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

_SUFFIXES = {"status": "json", "devices": "csv", "acts": "acts.json"}

_MAX_STATUS = 64 << 20
"""Octets of a summary; its burn-down has a line a day."""


class Exits:
    """The folder of exits."""

    def __init__(self, folder: Path) -> None:
        """Look into a folder, which is made if there is none."""
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder

    def making(self, build: str, party: str, kind: str) -> Path:
        """Give where something is written until it is whole; nobody sees it."""
        folder = self.folder / build
        folder.mkdir(exist_ok=True)
        return folder / f".{party}.{_SUFFIXES[kind]}"

    def finished(self, build: str, party: str, kind: str) -> None:
        """Show what was written in ``making``."""
        making = self.making(build, party, kind)
        making.rename(making.with_name(making.name.removeprefix(".")))

    def find(self, build: str, party: str) -> Mapping[str, Any] | None:
        """Give how an exit stood at a build; None where that is not worked out yet."""
        return self._told(build, f"{party}.{_SUFFIXES['status']}")

    def acts(self, build: str, party: str) -> dict[str, Any] | None:
        """Give the acts that could be decided at a build; None where they are not worked out."""
        return self._told(build, f"{party}.{_SUFFIXES['acts']}")

    def devices(self, build: str, party: str) -> Path | None:
        """Give the list of an exit's devices; None where there is none yet."""
        file = self.folder / build / f"{party}.csv"
        return file if file.is_file() else None

    def _told(self, build: str, name: str) -> dict[str, Any] | None:
        try:
            with (self.folder / build / name).open("rb") as file:
                told = orjson.loads(file.read(_MAX_STATUS))
        except (OSError, ValueError):
            return None
        return told if isinstance(told, dict) else None
