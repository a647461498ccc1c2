"""What a module offers, as text: its public names with everything that a caller can see of them.

It is read from the sources, and from the stub of what is compiled, so that types stand as they are
written there.
"""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2] / "pycore"


def offered(module: str) -> str:
    """Give the definitions behind a module's ``__all__``; without one, its own public ones."""
    tree = _tree(module)
    parts = [_definition(module, name) for name in _exported(tree)]
    return "\n\n".join([f"# {module}", *parts]) + "\n"


def _exported(tree: ast.Module) -> list[str]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and _names(node) == ["__all__"]:
            return sorted(ast.literal_eval(node.value))
    own = (name for node in tree.body for name in _names(node))
    return sorted({name for name in own if not name.startswith("_")})


def _definition(module: str, name: str) -> str:
    for node in _tree(module).body:
        if name in _names(node):
            return ast.unparse(_outside(node))
        if isinstance(node, ast.ImportFrom) and name in {alias.name for alias in node.names}:
            source = _source(module, node)
            return (
                _definition(source, name)
                if _path(f"{source}.{name}") is None
                else f"{name}: module"
            )
    raise AssertionError(f"{module}.{name} is offered and not defined")


def _outside(node: ast.stmt) -> ast.stmt:
    """Take away what callers cannot see: bodies, documentation, private members."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        node.body = [ast.Expr(ast.Constant(...))]
    elif isinstance(node, ast.ClassDef):
        public = (_outside(one) for one in node.body if any(map(_is_public, _names(one))))
        node.body = list(public) or [ast.Expr(ast.Constant(...))]
    return node


def _is_public(name: str) -> bool:
    return not name.startswith("_") or name.endswith("__")


def _names(node: ast.stmt) -> list[str]:
    match node:
        case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
            return [node.name]
        case ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
        case ast.Assign(targets=targets):
            return [target.id for target in targets if isinstance(target, ast.Name)]
    return []


def _source(module: str, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    package = module if _is_package(module) else module.rpartition(".")[0]
    return f"{package}.{node.module}"


def _is_package(module: str) -> bool:
    return (ROOT / module.replace(".", "/")).is_dir()


def _path(module: str) -> Path | None:
    path = ROOT / module.replace(".", "/")
    places = (path / "__init__.py", path.with_suffix(".pyi"), path.with_suffix(".py"))
    return next((place for place in places if place.exists()), None)


def _tree(module: str) -> ast.Module:
    path = _path(module)
    assert path is not None, module
    return ast.parse(path.read_text())
