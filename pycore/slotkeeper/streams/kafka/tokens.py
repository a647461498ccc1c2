"""Tokens for OAUTHBEARER from a file that somebody else keeps fresh."""

import asyncio
from pathlib import Path

from aiokafka.abc import AbstractTokenProvider
from aiokafka.errors import AuthenticationFailedError


class FileTokens(AbstractTokenProvider):  # type: ignore[misc]  # aiokafka has no types
    """Reads the file for each connection, so that a token may be replaced while a worker runs.

    That is how Kubernetes gives a service account's token to a pod, for example.
    """

    def __init__(self, file: Path) -> None:
        """Read this file."""
        self._file = file

    async def token(self) -> str:
        """Give the file's content, without white space around it.

        Raises:
            AuthenticationFailedError: It cannot be read, or is empty.
        """
        try:
            token = (await asyncio.to_thread(self._file.read_text)).strip()
        except (OSError, ValueError) as error:
            raise AuthenticationFailedError(f"{self._file} cannot be read: {error}") from None
        if not token:
            raise AuthenticationFailedError(f"{self._file} is empty")
        return token
