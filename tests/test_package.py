"""The package as its users get it."""

import subprocess
import sys
import tomllib
from importlib import metadata, resources
from pathlib import Path

import slotkeeper
from slotkeeper import _core

ROOT = Path(__file__).parent.parent


def test_type_information_is_shipped() -> None:
    package = resources.files(slotkeeper)
    assert package.joinpath("py.typed").is_file()
    assert package.joinpath("_core.pyi").is_file()


def test_the_version_stands_in_one_place() -> None:
    manifest = tomllib.loads((ROOT / "Cargo.toml").read_text())
    version = manifest["workspace"]["package"]["version"]
    assert slotkeeper.__version__ == _core.__version__ == metadata.version("slotkeeper") == version


def test_changes_are_checked_with_the_oldest_rust_that_is_promised() -> None:
    promised = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"][
        "rust-version"
    ]
    pinned = tomllib.loads((ROOT / "rust-toolchain.toml").read_text())["toolchain"]["channel"]
    assert pinned.rpartition(".")[0] == promised


def test_the_changelog_knows_the_version() -> None:
    assert f"## {slotkeeper.__version__}" in (ROOT / "CHANGELOG.md").read_text()


def test_the_tests_run_against_an_optimised_build() -> None:
    assert _core.BUILD_PROFILE == "release"


def test_a_missing_extension_is_explained(tmp_path: Path) -> None:
    """Hide the compiled part from a fresh interpreter, as a wrong wheel would."""
    blocker = "import sys; sys.modules['slotkeeper._core'] = None; import slotkeeper"
    run = subprocess.run(
        [sys.executable, "-c", blocker], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert run.returncode == 1
    assert "make setup" in run.stderr


def test_public_names_are_there() -> None:
    for name in slotkeeper.__all__:
        assert getattr(slotkeeper, name) is not None
