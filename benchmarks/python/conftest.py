"""Figures are only worth something of a release build."""

import pytest

from slotkeeper import _core


def pytest_configure(config: pytest.Config) -> None:
    """Refuse a debug build."""
    del config
    if _core.BUILD_PROFILE != "release":
        raise pytest.UsageError("slotkeeper was built without optimisation: run `make setup`")
