"""The keys of the settings: which there are, which a variable means, which one is nearest."""

import difflib
import inspect
from collections.abc import Iterator, Mapping
from typing import Any, get_args

import orjson
from pydantic import BaseModel

from slotkeeper.errors import ConfigurationError

PREFIX = "SLOTKEEPER_"

_OTHER_VARIABLES = frozenset({"SLOTKEEPER_CONFIG", "SLOTKEEPER_RTDS"})
"""No settings: the configuration file itself, and the folder of test vectors for the tests."""


def refuse_unknown(raw: Mapping[str, Any], model: type[BaseModel], path: str = "") -> None:
    """Check every key against the models.

    Raises:
        ConfigurationError: One is unknown; the message names the nearest that is known.
    """
    known = _names(model, raw)
    for key, value in raw.items():
        if key not in known:
            raise ConfigurationError(f"unknown key {path}{key}{_nearest(key, known)}")
        section = _model_of(model, key)
        if section is None:
            continue
        for table in value if isinstance(value, list) else [value]:
            if isinstance(table, dict):
                refuse_unknown(table, section, f"{path}{key}.")


def variables(
    environment: Mapping[str, str], model: type[BaseModel]
) -> Iterator[tuple[tuple[str, ...], object]]:
    """Give the settings among the variables: ``SLOTKEEPER_COUNTER__CEILING`` is counter.ceiling.

    A list is written as JSON; everything else as in the file, without quotes.

    Raises:
        ConfigurationError: A variable names no setting, or a list is no JSON.
    """
    for variable in sorted(environment):
        if not variable.startswith(PREFIX) or variable in _OTHER_VARIABLES:
            continue
        path = tuple(variable.removeprefix(PREFIX).lower().split("__"))
        value = environment[variable]
        known = {name.upper() for name in _variable_names(model)}
        table = _model_of(model, path[0]) if len(path) == 2 else model  # noqa: PLR2004  # section, key
        if table is None or (
            path[-1] not in table.model_fields and table.model_config.get("extra") != "allow"
        ):
            raise ConfigurationError(f"unknown variable {variable}{_nearest(variable, known)}")
        yield path, _parsed(variable, value, table, path[-1])


def _parsed(variable: str, value: str, table: type[BaseModel], key: str) -> object:
    field = table.model_fields.get(key)
    if field is None or getattr(field.annotation, "__origin__", None) is not list:
        return value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError as error:
        raise ConfigurationError(f'{variable} must be a JSON list, ["a", "b"]: {error}') from None


def _names(model: type[BaseModel], raw: Mapping[str, Any]) -> set[str]:
    known = set(model.model_fields)
    if model.model_config.get("extra") == "allow" and set(raw) - known:
        known |= _aiokafka_names()
    return known


def _aiokafka_names() -> set[str]:
    from aiokafka import AIOKafkaConsumer, AIOKafkaProducer  # noqa: PLC0415  # slow, seldom needed

    return {
        "ssl_cafile",
        "ssl_certfile",
        "ssl_keyfile",
        "ssl_password",
        *inspect.signature(AIOKafkaConsumer.__init__).parameters,
        *inspect.signature(AIOKafkaProducer.__init__).parameters,
    } - {"self", "topics", "loop", "bootstrap_servers"}


def _variable_names(model: type[BaseModel]) -> Iterator[str]:
    for name in model.model_fields:
        section = _model_of(model, name)
        if section is None:
            yield f"{PREFIX}{name}"
        else:
            yield from (f"{PREFIX}{name}__{key}" for key in section.model_fields)


def _model_of(model: type[BaseModel], key: str) -> type[BaseModel] | None:
    """Give the model of a section, also of one that may stand several times; None for a value."""
    field = model.model_fields.get(key)
    if field is None:
        return None
    for candidate in (field.annotation, *get_args(field.annotation)):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
    return None


def _nearest(key: str, known: set[str]) -> str:
    close = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
    return f": did you mean {close[0]}?" if close else f": there are {', '.join(sorted(known))}"
