"""What an embedding engineer meets first: errors, help, reprs."""

import importlib
import inspect
import pickle
import pydoc
from pathlib import Path

import pytest

import slotkeeper
from slotkeeper import errors
from slotkeeper.lab.keystore import write_settings
from slotkeeper.lab.pki import Pki

CLASSES = [
    found
    for found in vars(errors).values()
    if isinstance(found, type) and issubclass(found, errors.SlotkeeperError)
]


def an_error(kind: type[errors.SlotkeeperError]) -> errors.SlotkeeperError:
    if issubclass(kind, errors.OutputTooLargeError):
        return kind("told", stream="audit-trail", partition=3, octets=7)
    if issubclass(kind, errors.StoppedForOperatorError):
        return kind("told", partition=3)
    if issubclass(kind, errors.LockedError):
        return kind("told", holder="42")
    return kind("told")


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_an_error_is_importable_under_the_name_that_tracebacks_show(
    kind: type[errors.SlotkeeperError],
) -> None:
    module = importlib.import_module(kind.__module__)
    assert getattr(module, kind.__qualname__) is kind


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_an_error_crosses_processes(kind: type[errors.SlotkeeperError]) -> None:
    error = an_error(kind)
    error.add_note("noted")
    again = pickle.loads(pickle.dumps(error))  # noqa: S301  # made in the line
    assert (type(again), again.args, vars(again)) == (kind, error.args, vars(error))


def test_help_says_how_an_authority_is_made() -> None:
    told = pydoc.plain(pydoc.render_doc(slotkeeper.Authority))
    for part in ("private keys that never leave it", "digital_signature", "key_held"):
        assert part in told


def test_reprs_say_the_state_and_no_secret(tmp_path: Path) -> None:
    config = write_settings(tmp_path, [Pki("manners").acb])
    settings = slotkeeper.Settings.load(str(config), environment={})
    authority = settings.authority()
    assert repr(authority) == f"<slotkeeper.Authority {authority.id}, 2 of 2 keys held>"
    engine = slotkeeper.Engine(authority, partition=1, partitions=4)
    assert repr(engine) == "<slotkeeper.Engine partition 1 of 4, closed: restore it>"
    engine.restore([])
    assert repr(engine) == "<slotkeeper.Engine partition 1 of 4, open>"
    staged = engine.stage([])
    staged.in_doubt()
    assert repr(engine) == "<slotkeeper.Engine partition 1 of 4, closed: restore it>"


def test_a_path_may_be_text() -> None:
    assert "str" in str(inspect.signature(slotkeeper.Settings.load).parameters["file"].annotation)
