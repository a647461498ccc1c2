"""Every name that the engine uses has its sentence, and each fits where it is shown."""

import re
from pathlib import Path

import pytest
from tests.test_rules import REASONS, code, names_of, table

from slotkeeper.explain.codes import CELL_STATUSES, DISPOSITIONS, FLAGS, meanings
from slotkeeper.explain.reasons import SENTENCES
from slotkeeper.explain.sentence import WIDTH

RUST = Path(__file__).parents[2] / "rust"


def strings(file: str, pattern: str) -> set[str]:
    found = set(re.findall(pattern, (RUST / file).read_text(), re.MULTILINE))
    assert found
    return found


def test_every_disposition_has_its_sentence() -> None:
    assert set(names_of("Disposition")) == set(DISPOSITIONS)


def test_every_reason_has_its_sentence_under_each_of_its_dispositions() -> None:
    rows = table("## Dispositions and reasons", REASONS)
    documented = {
        (disposition, code(cells[0])) for cells in rows for disposition in cells[1].split(", ")
    }
    assert {reason for _, reason in documented} == set(names_of("Reason"))
    assert documented <= set(SENTENCES)


def test_every_flag_has_its_sentence() -> None:
    assert strings("engine/src/decision.rs", r'^ +\(Self::\w+, "(\w+)"\),$') <= set(FLAGS)


def test_every_status_of_a_cell_has_its_sentence() -> None:
    source = (RUST / "gbcs/src/role.rs").read_text()
    _, _, after = source.partition("    StatusCode {")
    names = set(re.findall(r'= \d+, "(\w+)";', after.partition("\n}")[0]))
    assert names == set(CELL_STATUSES)


@pytest.mark.parametrize("which", SENTENCES, ids=" ".join)
def test_cause_and_actor_fit_into_one_line(which: tuple[str, str]) -> None:
    assert len(SENTENCES[which].line) <= WIDTH


@pytest.mark.parametrize("which", SENTENCES, ids=" ".join)
def test_every_sentence_says_what_to_do(which: tuple[str, str]) -> None:
    said = SENTENCES[which]
    assert said.advice.endswith(".")
    assert not said.cause.endswith(".")


@pytest.mark.parametrize(
    ("asked", "kinds"),
    [
        ("bad_signature", ["reason"]),
        ("badCertificate", ["cell status"]),
        ("PARTIAL_DS", ["reason", "reason"]),
        ("REFUSED NOT_DUE", ["reason"]),
        ("UNVERIFIED", ["flag", "reason"]),
        ("acb", ["state of a slot"]),
        ("E21", ["response code"]),
        ("e062101", ["response code"]),
        ("NO_SUCH_NAME", []),
    ],
)
def test_a_name_is_explained_in_each_of_its_uses(asked: str, kinds: list[str]) -> None:
    assert [one.kind for one in meanings(asked)] == kinds


def test_no_meaning_is_invented_for_the_codes_of_a_service() -> None:
    (one,) = meanings("E062101")
    assert "SRV 6.21" in one.says
    assert one.retryable is None
