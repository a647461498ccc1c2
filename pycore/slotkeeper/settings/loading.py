"""From file, variables and options to settings.

What is in effect, where each value comes from, and everything that is wrong at once.
"""

import copy
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from slotkeeper.errors import ConfigurationError
from slotkeeper.settings.keys import unknown, variables
from slotkeeper.settings.reading import DEFAULT_FILE, read_file
from slotkeeper.settings.wording import dotted, sentences

ModelT = TypeVar("ModelT", bound=BaseModel)

_ROUNDS = 8
"""Of taking out what is wrong: a value may only be looked at once another is right."""

STREAMS_OPTION = "--streams"


@dataclass(slots=True)
class Loaded(Generic[ModelT]):
    """What was found.

    Attributes:
        settings: In effect, with the default where a value is wrong.
        origins: Where a value comes from, by its name; of those that are missing, the default.
        faults: What is wrong, a sentence each; empty if nothing is.
    """

    settings: ModelT
    origins: dict[str, str] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def require(self) -> ModelT:
        """Give the settings.

        Raises:
            ConfigurationError: Something is wrong; all of it is named.
        """
        if self.faults:
            raise ConfigurationError("; ".join(self.faults))
        return self.settings


def load(
    model: type[ModelT],
    file: Path | None,
    environment: Mapping[str, str] | None,
    streams: str | None,
) -> Loaded[ModelT]:
    """Read the file, then the environment, then the option.

    Raises:
        ConfigurationError: The file cannot be read, or is no TOML.
    """
    raw = read_file(file)
    origins = dict.fromkeys(_names(raw), str(file or DEFAULT_FILE))
    faults: list[str] = []
    given = os.environ if environment is None else environment
    for variable, path, value in variables(given, model, faults):
        section = raw
        for name in path[:-1]:
            inner = section.get(name)
            section[name] = section = inner if isinstance(inner, dict) else {}
        section[path[-1]] = value
        origins[dotted(path)] = variable
    if streams is not None:
        raw["streams"] = streams
        origins["streams"] = STREAMS_OPTION
    for place, fault in list(unknown(raw, model)):
        faults.append(fault)
        _take_out(raw, place)
    return Loaded(_validated(model, raw, faults), origins, faults)


def _validated(model: type[ModelT], raw: dict[str, Any], faults: list[str]) -> ModelT:
    left = copy.deepcopy(raw)
    for _ in range(_ROUNDS):
        try:
            return model.model_validate(left)
        except ValidationError as error:
            for place, said in sentences(error):
                if said not in faults:
                    faults.append(said)
                _take_out(left, place)
    return model()


def _take_out(raw: dict[str, Any], place: tuple[str | int, ...]) -> None:
    """Remove what stands at a place, or the nearest thing around it that can be removed."""
    holder: Any = raw
    for part in place[:-1]:
        inside = holder.get(part) if isinstance(holder, dict) else None
        if not isinstance(inside, dict):
            # A list loses its order by a hole in it: the whole of it goes.
            if isinstance(holder, dict):
                holder.pop(part, None)
            return
        holder = inside
    if isinstance(holder, dict):
        holder.pop(place[-1], None)


def _names(raw: Mapping[str, Any], before: tuple[str, ...] = ()) -> list[str]:
    found: list[str] = []
    for name, value in raw.items():
        place = (*before, name)
        found += _names(value, place) if isinstance(value, dict) else [dotted(place)]
    return found
