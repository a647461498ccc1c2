"""The keys of the settings: which there are, which a variable means, which one is nearest."""

import difflib
import inspect
import re
from collections.abc import Iterator, Mapping
from typing import Any, get_args

import orjson
from pydantic import BaseModel

PREFIX = "SLOTKEEPER_"

_OTHER_VARIABLES = frozenset({"SLOTKEEPER_CONFIG", "SLOTKEEPER_RTDS"})
"""No settings: the configuration file itself, and the folder of test vectors for the tests."""


_OF_A_SERVICE = re.compile(
    r"SLOTKEEPER_(?:[A-Z0-9]+_)*?"
    r"(?:SERVICE_HOST|SERVICE_PORT(?:_[A-Z0-9_]+)?"
    r"|PORT(?:_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)?)"
)
"""What Kubernetes sets in every pod for a service whose name begins with ``slotkeeper``: no one's
setting. A setting of a section has two underscores, and none has such a name."""


def unknown(
    raw: Mapping[str, Any], model: type[BaseModel], before: tuple[str | int, ...] = ()
) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Give each key that no model knows: its place, and a sentence with the nearest known one."""
    known = _names(model, raw)
    for key, value in raw.items():
        place = (*before, key)
        if key not in known:
            name = ".".join(part for part in place if isinstance(part, str))
            yield place, f"unknown key {name}{_nearest(key, known)}"
            continue
        section = _model_of(model, key)
        if section is None:
            continue
        if isinstance(value, dict):
            yield from unknown(value, section, place)
        elif isinstance(value, list):
            for number, table in enumerate(value):
                if isinstance(table, dict):
                    yield from unknown(table, section, (*place, number))


def variables(
    environment: Mapping[str, str], model: type[BaseModel], faults: list[str]
) -> Iterator[tuple[str, tuple[str, ...], object]]:
    """Give the settings among the variables: ``SLOTKEEPER_COUNTER__CEILING`` is counter.ceiling.

    A list is written as JSON; everything else as in the file, without quotes. What names no
    setting, or is no JSON, is told to ``faults``.
    """
    known = {name.upper() for name in _variable_names(model)}
    for variable in sorted(environment):
        if not variable.startswith(PREFIX) or variable in _OTHER_VARIABLES:
            continue
        if "__" not in variable and _OF_A_SERVICE.fullmatch(variable):
            continue
        path = tuple(variable.removeprefix(PREFIX).lower().split("__"))
        table = _model_of(model, path[0]) if len(path) == 2 else model  # noqa: PLR2004  # section, key
        if table is None or (
            path[-1] not in table.model_fields and table.model_config.get("extra") != "allow"
        ):
            faults.append(f"unknown variable {variable}{_nearest(variable, known)}")
            continue
        try:
            yield variable, path, _parsed(environment[variable], table, path[-1])
        except orjson.JSONDecodeError as error:
            faults.append(f'{variable} must be a JSON list, ["a", "b"]: {error}')


def _parsed(value: str, table: type[BaseModel], key: str) -> object:
    field = table.model_fields.get(key)
    if field is None or getattr(field.annotation, "__origin__", None) is not list:
        return value
    return orjson.loads(value)


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
