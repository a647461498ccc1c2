"""What docs/scenarios.md and reasons.md define is what sources cite, tests hold and decisions say.

A scenario or requirement is cited by its code: in a comment, a docstring or prose, outside of
backticks, as in "(N24)"; and in the name of a test or of its file, as in ``test_n07_partial``.
"""

import ast
import re
import tokenize
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
RULES, REASONS, SCENARIOS = (
    ROOT / "docs" / name for name in ("rules.md", "reasons.md", "scenarios.md")
)

CODES = {"N": 26, "S": 14, "D": 13, "P": 44, "R": 24}
"""How many scenarios and requirements there are of each letter, numbered from 1."""

BY_NUMBER = "by number"

LAB = Path("tests", "lab")
"""Its tests are about emulated devices, and hold no scenario."""

# An octet of a hyphenated EUI-64 is no code (90-B3-D5-1F), nor is a longer word (P256, D203).
CITED = re.compile(
    r"(?<![\w.])([NSPR]\d{1,2}|(?<!-)D\d{1,2}(?!-[0-9A-F]{2}\b))(?!\w|\.\d)",
)
IN_A_NAME = re.compile(r"(?:test_)?((?:[nsdpr]\d{1,2}_)+)")
TESTS = {
    ".py": re.compile(r"^ *(?:async )?def (test_\w+)", re.MULTILINE),
    ".rs": re.compile(r"#\[(?:\w+::)*test\]\s*(?:#\[[^\]]*\]\s*)*(?:async )?fn (\w+)"),
}
TABLE_ROW = re.compile(r"^\| (.+) \|$", re.MULTILINE)


@dataclass(frozen=True)
class Citation:
    """A code, and where it stands; ``test`` is whether in the name of a test of the product."""

    code: str
    file: str
    line: int
    test: bool = False

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.code}"


@pytest.fixture(scope="module")
def cited() -> list[Citation]:
    return list(citations(ROOT))


def test_every_cited_code_is_defined(cited: list[Citation]) -> None:
    defined = definitions(SCENARIOS.read_text())
    assert cited
    undefined = [str(citation) for citation in cited if citation.code not in defined]
    assert not undefined, "not in docs/scenarios.md:\n" + "\n".join(undefined)


def test_every_code_is_defined_once() -> None:
    expected = [
        f"{letter}{number}" for letter, last in CODES.items() for number in range(1, last + 1)
    ]
    assert [code for code, *_ in coded_rows(SCENARIOS.read_text())] == expected


def test_every_scenario_is_tested_or_says_why_not(cited: list[Citation]) -> None:
    held = {citation.code for citation in cited if citation.test}
    faults = list(contradictions(definitions(SCENARIOS.read_text()), held))
    assert not faults, "\n".join(faults)


def test_every_reason_has_its_row_and_no_other() -> None:
    rows = [code(cells[0]) for cells in table("## Dispositions and reasons", REASONS)]
    assert sorted(rows) == sorted(names_of("Reason"))


def test_reasons_stand_under_the_same_dispositions_as_in_streams() -> None:
    here = {
        (disposition, code(cells[0]))
        for cells in table("## Dispositions and reasons", REASONS)
        for disposition in cells[1].split(", ")
    }
    streams = ROOT / "docs" / "streams.md"
    there = {
        (cells[0], reason)
        for cells in table("## Dispositions and reasons", streams)
        for reason in re.sub(r" \([^)]*\)", "", cells[2]).split(", ")
    }
    assert {disposition for disposition, _ in here} == set(names_of("Disposition"))
    assert here == there


def test_every_law_has_its_row() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    laws = re.findall(r"^(\d+)\. ", section("## The laws", text), flags=re.MULTILINE)
    assert laws
    assert [cells[0] for cells in table("## Laws", RULES)] == laws


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a lost Response costs nothing (N16).", ["N16"]),
        ("N1 to N5, S3; D3, D7: as long as", ["N1", "N5", "S3", "D3", "D7"]),
        ("N07 is N7", ["N7", "N7"]),
        ("N22-N25, S1-14", ["N22", "N25", "S1"]),
        ("90-B3-D5-1F-30-01-00-D5, D5-1F, P256, P-256, D203, `S1`, SMETS1, N1.5, 2^63", []),
    ],
)
def test_what_is_a_citation(text: str, found: list[str]) -> None:
    assert list(codes_of(text)) == found


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("test_n13_n14_the_alert_tells", ["N13", "N14"]),
        ("d12_any_damaged_octet_shows", ["D12"]),
        ("test_r5_an_equal_number", ["R5"]),
        ("test_p256_keys", []),
        ("test_renewal_n09_of_a_certificate", []),
    ],
)
def test_which_names_carry_a_number(name: str, found: list[str]) -> None:
    assert list(codes_of_name(name)) == found


@pytest.mark.parametrize(
    ("tested", "fault"),
    [
        ({"N1": "by number"}, "N1"),
        ({"N1": "by N2", "N2": "not tested: not built"}, "N1"),
        ({"N1": "by hand"}, "N1"),
        ({"N1": ""}, "N1"),
        ({"S1": "not tested: not built"}, "S1"),
        ({"S1": "by S1"}, "S1"),
    ],
    ids=["no test", "by what has none", "by no code", "nothing said", "tested after all", "itself"],
)
def test_what_is_not_held_is_told(tested: dict[str, str], fault: str) -> None:
    assert [told.split(":")[0] for told in contradictions(tested, held={"S1"})] == [fault]


def contradictions(tested: dict[str, str], held: set[str]) -> Iterator[str]:
    """Say where the last column of a row is not true; ``held`` are the codes in names of tests."""
    for each, told in tested.items():
        others = re.fullmatch(r"by ([NSDPR]\d+(?:, [NSDPR]\d+)*)", told)
        if told == BY_NUMBER:
            if each not in held:
                yield f"{each}: no test carries its number"
        elif each in held:
            yield f"{each}: tests carry its number, and its row says: {told}"
        elif others is not None:
            lacking = [other for other in others[1].split(", ") if other not in held]
            if lacking:
                yield f"{each}: no test carries {', '.join(lacking)}"
        elif not re.fullmatch(r"not tested: .+", told):
            yield f"{each}: its row does not say how it is tested: {told!r}"


def definitions(text: str) -> dict[str, str]:
    """Give for each code that the page defines what it says of its tests."""
    return {each: tested for each, _, tested in coded_rows(text)}


def coded_rows(text: str) -> Iterator[tuple[str, str, str]]:
    for row in TABLE_ROW.findall(text):
        cells = row.split(" | ")
        if re.fullmatch(r"[NSDPR]\d+", cells[0]):
            each, meaning, tested = cells
            yield each, meaning, tested


def citations(root: Path) -> Iterator[Citation]:
    """Find every code that sources, tests and documentation cite."""
    places = [root / name for name in ("rust", "pycore", "tests", "benchmarks", "docs", "examples")]
    files = [*root.glob("*.md"), *(file for place in places for file in place.rglob("*"))]
    for file in sorted(files):
        within = file.relative_to(root)
        lines = READERS.get(file.suffix)
        if lines is None or {"target", "__pycache__"} & set(within.parts) or file == SCENARIOS:
            continue
        for each in codes_of_name(file.name) if file.suffix == ".py" else ():
            yield Citation(each, str(within), 1)
        text = file.read_text()
        for line, prose in lines(text) if CITED.search(text) else ():
            for each in codes_of(prose):
                yield Citation(each, str(within), line)
        for line, name in names_of_tests(file.suffix, text):
            for each in codes_of_name(name):
                yield Citation(each, str(within), line, test=LAB not in within.parents)


def codes_of(prose: str) -> Iterator[str]:
    for each in CITED.findall(re.sub(r"`[^`]*`", "", prose)):
        yield f"{each[0]}{int(each[1:])}"


def codes_of_name(name: str) -> Iterator[str]:
    if found := IN_A_NAME.match(name):
        for each in found[1].rstrip("_").split("_"):
            yield f"{each[0].upper()}{int(each[1:])}"


def names_of_tests(suffix: str, text: str) -> Iterator[tuple[int, str]]:
    """Give the line and the name of each test in a source."""
    if pattern := TESTS.get(suffix):
        for found in pattern.finditer(text):
            yield text.count("\n", 0, found.start(1)) + 1, found[1]


def of_python(text: str) -> Iterator[tuple[int, str]]:
    """Give comments and docstrings, by line."""
    lines = text.splitlines()
    for token in tokenize.generate_tokens(iter([*text.splitlines(keepends=True), ""]).__next__):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Expr(value=ast.Constant(value=str()) as docstring):
                last = docstring.end_lineno or docstring.lineno
                for number in range(docstring.lineno, last + 1):
                    yield number, lines[number - 1]


def of_braces(text: str) -> Iterator[tuple[int, str]]:
    """Give the comments of Rust and Java, by line."""
    for number, line in enumerate(text.splitlines(), 1):
        if found := re.search(r"//.*|^\s*/?\*.*", line):
            yield number, found[0]


def of_markdown(text: str) -> Iterator[tuple[int, str]]:
    """Give what stands outside of code blocks, by line."""
    fenced = False
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif not fenced:
            yield number, line


READERS = {
    ".py": of_python,
    ".pyi": of_python,
    ".rs": of_braces,
    ".java": of_braces,
    ".md": of_markdown,
}


def names_of(enumeration: str) -> list[str]:
    """Give the names of a ``names!`` enumeration of the engine, as decisions show them."""
    source = (ROOT / "rust" / "engine" / "src" / "decision.rs").read_text()
    (body,) = re.findall(
        rf"^    {enumeration} \{{\n(.*?)^    \}}", source, re.MULTILINE | re.DOTALL
    )
    names = re.findall(r'^ +\w+ = "(\w+)",$', body, re.MULTILINE)
    assert names
    return names


def table(heading: str, file: Path) -> list[list[str]]:
    """Give the rows of the one table under a heading, without its head."""
    rows: Iterable[str] = TABLE_ROW.findall(section(heading, file.read_text()))
    _head, *cells = [row.split(" | ") for row in rows if not row.startswith("-")]
    assert cells, f"no table under {heading}"
    repeated = [name for name, times in Counter(each[0] for each in cells).items() if times > 1]
    assert not repeated
    return cells


def section(heading: str, text: str) -> str:
    _, _, after = text.partition(f"\n{heading}\n")
    assert after, f"no section {heading}"
    return after.partition("\n## ")[0]


def code(cell: str) -> str:
    return cell.strip("`")
