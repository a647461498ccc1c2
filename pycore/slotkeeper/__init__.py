"""Keeps the Originator Counter of every slot handed back to the DCC, and exceeds it later.

The worker (``slotkeeper run``) is one user of the engine; a pipeline of its own transport and
store is the other: see ``docs/integrating.md``.
"""

import platform
import sys
import warnings
from importlib import metadata

try:
    from slotkeeper import _core
except ImportError as error:
    raise ImportError(
        f"the compiled part of slotkeeper cannot be loaded ({error}); this is Python "
        f"{platform.python_version()} on {sys.platform} {platform.machine()}. In a checkout, run "
        "`make setup`; elsewhere, install a wheel built for this platform and Python 3.11 or later"
    ) from error

from slotkeeper import errors
from slotkeeper._core import Authority
from slotkeeper.engine.event import Event
from slotkeeper.engine.host import (
    Change,
    Command,
    Engine,
    Record,
    Staged,
    StoreNotReadyError,
)
from slotkeeper.settings import Settings

__all__ = [
    "Authority",
    "Change",
    "Command",
    "Engine",
    "Event",
    "Record",
    "Settings",
    "Staged",
    "StoreNotReadyError",
    "__version__",
    "errors",
]

__version__ = _core.__version__

if metadata.version("slotkeeper") != __version__:
    raise ImportError(
        f"slotkeeper {metadata.version('slotkeeper')} found the compiled part of {__version__}: "
        "two installations are mixed; run `make setup`, or install the wheel again"
    )

if _core.BUILD_PROFILE == "debug":
    warnings.warn(
        "slotkeeper was built without optimisation and is many times slower; "
        "run `make setup`, or `maturin develop --release`",
        RuntimeWarning,
        stacklevel=2,
    )
