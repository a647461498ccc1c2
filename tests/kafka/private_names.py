"""Where a program uses private names of aiokafka, read from its syntax tree.

A tree has no types, so a file is judged by whether it can have a client at all. A file in one of
Kafka's folders can, and so can a file that imports from them or from aiokafka: these use private
names of their own ``self`` and of the standard library only. Every other file may use the private
names of those modules of the project that it imports, and none of aiokafka's.
"""

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path

KNOW_KAFKA = ("aiokafka", "slotkeeper.streams.kafka", "tests.kafka", "benchmarks.peers")
"""Packages whose files, and whose importers, can have a client."""

NAMEDTUPLE = {"_asdict", "_field_defaults", "_fields", "_make", "_replace"}
"""Public in spite of their names."""

BY_NAME = {"attrgetter", "delattr", "getattr", "hasattr", "methodcaller", "setattr"}
"""Functions and methods that reach an attribute by a string."""

ALL_NAMES = {"__dict__", "__getattribute__"}
"""Attributes that lead to all others."""


@dataclass
class Classes:
    """What classes define, by name; classes with one name are taken for one.

    Attributes:
        private: The private names that a class itself defines.
        bases: The names of its bases.
    """

    private: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    bases: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    @classmethod
    def of(cls, trees: Iterable[ast.AST]) -> "Classes":
        found = cls()
        for tree in trees:
            for name, private, bases in _classes(tree):
                found.private[name] |= private
                found.bases[name] |= bases
        return found

    def inherited(self, name: str) -> set[str]:
        """Give the private names of a class and of those bases that are known."""
        names: set[str] = set()
        seen, left = set[str](), {name}
        while left:
            one = left.pop()
            seen.add(one)
            names |= self.private.get(one, set())
            left |= {base.rpartition(".")[2] for base in self.bases.get(one, set())} - seen
        return names


def module_of(path: Path) -> str:
    """Give the module's name for a path in the project."""
    parts = path.with_suffix("").parts
    return ".".join(parts[1:] if parts[0] == "pycore" else parts).removesuffix(".__init__")


def faults(trees: Mapping[Path, ast.Module], judged: Iterable[Path]) -> Iterator[str]:
    """Give a sentence for each use of a private name.

    Args:
        trees: Of the project's files, by their paths in it.
        judged: Of which files.
    """
    own = Classes.of(trees.values())
    defined = {
        module_of(path): set[str]().union(*(private for _, private, _ in _classes(tree)))
        for path, tree in trees.items()
    }
    for path in judged:
        module, tree = module_of(path), trees[path]
        reader = _Reader(module, tree, own, defined)
        reader.visit(tree)
        for line, told in sorted(reader.found):
            yield f"{path}:{line}: {told}"


class _Reader(ast.NodeVisitor):
    def __init__(
        self, module: str, tree: ast.Module, own: Classes, defined: Mapping[str, set[str]]
    ) -> None:
        self.found: set[tuple[int, str]] = set()
        self._own = own
        self._imports = dict(_imports(module, tree))
        modules = {module, *self._imports.values()}
        self._strict = any(map(_knows_kafka, modules))
        # An imported name is a module's own, or one that a package has from a module within it.
        packages = modules | {one.rpartition(".")[0] for one in modules} - {""}
        near = {
            one
            for one in defined
            if not _knows_kafka(one) and any(_within(one, package) for package in packages)
        }
        self._near = set[str]().union(*(defined[one] for one in near))
        self._docstrings = set(_docstrings(tree))
        self._class: ast.ClassDef | None = None
        self._self = ""
        self._function = ""

    def visit_ClassDef(self, node: ast.ClassDef) -> None:  # ast's names
        outer = self._class, self._self
        self._class, self._self = node, ""
        theirs = self._clients_names(node)
        for name in sorted(set(_defined(node)) & theirs):
            self._tell(node, f"{node.name} replaces {name} of the client")
        self.generic_visit(node)
        self._class, self._self = outer

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        outer = self._self, self._function
        arguments = [*node.args.posonlyargs, *node.args.args]
        names = [argument.arg for argument in arguments]
        method = self._class is not None and node in self._class.body
        static = any(ast.unparse(one) == "staticmethod" for one in node.decorator_list)
        if method:
            self._self = names[0] if names[:1] in (["self"], ["cls"]) and not static else ""
        elif self._self in names:
            self._self = ""
        self._function = node.name
        self.generic_visit(node)
        self._self, self._function = outer

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815

    def visit_Attribute(self, node: ast.Attribute) -> None:
        self.generic_visit(node)
        written = not isinstance(node.ctx, ast.Load)
        if written and _within(self._imports.get(_root(node), ""), "aiokafka"):
            self._tell(node, f"{ast.unparse(node)} of the client is replaced")
        if self._strict and node.attr in ALL_NAMES:
            self._tell(node, f"{ast.unparse(node)} gives private names, too")
        if not _private(node.attr) or node.attr in NAMEDTUPLE:
            return
        if isinstance(node.value, ast.Name) and self._self and node.value.id == self._self:
            self._judge_own(node)
        elif self._strict:
            if self._imports.get(_root(node), "").partition(".")[0] not in sys.stdlib_module_names:
                self._tell(node, ast.unparse(node))
        elif node.attr in aiokafkas_names() - self._near:
            self._tell(node, ast.unparse(node))

    def visit_Name(self, node: ast.Name) -> None:
        if self._self and node.id == self._self and isinstance(node.ctx, ast.Store):
            self._tell(node, f"{node.id} becomes another object")
        if self._strict and node.id == "vars":
            self._tell(node, "vars gives private names, too")

    def visit_Call(self, node: ast.Call) -> None:
        self.generic_visit(node)
        called = ast.unparse(node.func).rpartition(".")[2]
        if called not in BY_NAME or not node.args or self._function == "__getattr__":
            return
        if not self._strict:
            given = {one.value for one in node.args if isinstance(one, ast.Constant)}
            if given & (aiokafkas_names() - self._near):
                self._tell(node, ast.unparse(node))
            return
        at = 0 if called in {"attrgetter", "methodcaller"} or len(node.args) == 1 else 1
        if isinstance(node.func, ast.Attribute) and called == "setattr" and len(node.args) < 3:
            at = 0  # pytest's, with the whole path; a constant anywhere is judged as one
            if isinstance(node.args[0], ast.Name):
                return
        of_module = "import_module" in ast.unparse(node.args[0])
        if not isinstance(node.args[at], ast.Constant) and not of_module:
            self._tell(node, f"{ast.unparse(node)} takes a name that the tree does not tell")

    def visit_Constant(self, node: ast.Constant) -> None:
        if not isinstance(node.value, str) or node in self._docstrings:
            return
        if not re.fullmatch(r"\w+([.:]\w+)*", node.value):
            return
        parts = set(re.split(r"[.:]", node.value))
        if (self._strict or "aiokafka" in parts) and parts & aiokafkas_names():
            self._tell(node, f"{node.value!r} names something private of the client")

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        for value in node.values:  # its pieces are no names; what takes such a name is told above
            if isinstance(value, ast.FormattedValue):
                self.visit(value)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        for alias in node.names:
            path = f"{node.module}.{alias.name}"
            if _within(path, "aiokafka") and any(map(_private, path.split("."))):
                self._tell(node, f"imports {path}")

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            if _within(alias.name, "aiokafka") and any(map(_private, alias.name.split("."))):
                self._tell(node, f"imports {alias.name}")

    def visit_MatchClass(self, node: ast.MatchClass) -> None:
        self.generic_visit(node)
        for name in filter(_private, node.kwd_attrs):
            if self._strict or name in aiokafkas_names():
                self._tell(node, f"a pattern looks at {name}")

    def _judge_own(self, node: ast.Attribute) -> None:
        """Judge ``self._name``: of a client's subclass, or of a part that is mixed into one."""
        assert self._class is not None
        if node.attr in self._clients_names(self._class):
            self._tell(node, f"{ast.unparse(node)} is the client's")
        unknown = node.attr not in self._own.inherited(self._class.name)
        if unknown and node.attr in aiokafkas_names():
            self._tell(node, f"{ast.unparse(node)} is defined by no class of the project")

    def _clients_names(self, node: ast.ClassDef) -> set[str]:
        """Give the private names that a class has from aiokafka."""
        theirs = _aiokafka()
        names: set[str] = set()
        seen, left = set[str](), {ast.unparse(base) for base in node.bases}
        while left:
            base = left.pop()
            seen.add(base)
            simple = self._imports.get(base, base).rpartition(".")[2]
            names |= theirs.inherited(simple)
            left |= self._own.bases.get(simple, set()) - seen
        return names

    def _tell(self, node: ast.expr | ast.stmt | ast.pattern, told: str) -> None:
        self.found.add((node.lineno, told))


@cache
def aiokafkas_names() -> frozenset[str]:
    """Give every private name that the installed aiokafka uses."""
    names: set[str] = set()
    for tree in _aiokafkas_trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute):
                names.add(node.attr)
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                names.add(node.name)
    return frozenset(filter(_private, names))


@cache
def _aiokafka() -> Classes:
    return Classes.of(_aiokafkas_trees())


@cache
def _aiokafkas_trees() -> tuple[ast.Module, ...]:
    spec = find_spec("aiokafka")
    assert spec is not None
    assert spec.origin is not None
    files = sorted(Path(spec.origin).parent.rglob("*.py"))
    return tuple(ast.parse(file.read_text()) for file in files)


@cache
def _classes(tree: ast.AST) -> tuple[tuple[str, set[str], set[str]], ...]:
    """Give each class of a file: its name, the private names that it defines, its bases."""
    return tuple(
        (node.name, set(_defined(node)), {ast.unparse(base) for base in node.bases})
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    )


def _knows_kafka(module: str) -> bool:
    return any(_within(module, package) for package in KNOW_KAFKA)


def _private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__") and name != "_"


def _within(module: str, package: str) -> bool:
    return f"{module}.".startswith(f"{package}.")


def _root(node: ast.expr) -> str:
    """Give the name that a chain of attributes begins with; empty for anything else."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _imports(module: str, tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Give the names that a file imports, each with its path; also those in functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.asname or alias.name.partition(".")[0], alias.name
        elif isinstance(node, ast.ImportFrom):
            base = module.split(".")[: -node.level] if node.level else []
            package = ".".join([*base, *filter(None, [node.module])])
            for alias in node.names:
                yield alias.asname or alias.name, f"{package}.{alias.name}"


def _defined(node: ast.ClassDef) -> Iterator[str]:
    """Give the private names that a class defines: by methods, in its body, or on ``self``."""
    for statement in node.body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from filter(_private, [statement.name])
        targets = statement.targets if isinstance(statement, ast.Assign) else []
        if isinstance(statement, ast.AnnAssign):
            targets = [statement.target]
        for target in targets:
            if isinstance(target, ast.Name):
                yield from filter(_private, [target.id])
    for inner in ast.walk(node):
        if isinstance(inner, ast.Attribute) and not isinstance(inner.ctx, ast.Load):
            yield from filter(_private, [inner.attr] if ast.unparse(inner.value) == "self" else [])


def _docstrings(tree: ast.Module) -> Iterator[ast.Constant]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield node.value
