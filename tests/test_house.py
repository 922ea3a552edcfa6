"""The rules of the house (CONTRIBUTING.md) as tests: who may import whom, what is pure, how large things may grow.

Each rule lists its offenders, so that a failure says where to look.
"""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import quantiles

import pytest

ROOT = Path(__file__).parents[1]
EVERYTHING = frozenset(
    {
        "api",
        "screen",
        "workers",
        "documents",
        "services",
        "storage",
        "insight",
        "scoring",
        "protocol",
        "webhooks",
        "validation",
    }
)
EVERYTHING |= {"settings", "errors", "metrics", "logs", "clock", "demo"}

# What each part may import of the others, beside itself. A new file directly in app/ gets its line here.
MAY_IMPORT = {
    "main": EVERYTHING,
    "cli": EVERYTHING - {"api", "screen"} | {"main"},
    "api": {"documents", "services", "scoring", "protocol", "validation", "errors", "metrics"},
    "screen": {"api", "documents", "services", "scoring", "protocol", "validation", "errors", "settings"},
    "workers": {"documents", "services", "scoring", "settings", "errors", "metrics"},
    "documents": {"services", "insight", "scoring", "protocol", "validation", "errors"},
    "services": {
        "storage",
        "insight",
        "scoring",
        "protocol",
        "webhooks",
        "validation",
        "settings",
        "errors",
        "metrics",
        "demo",
    },
    "storage": {"scoring", "validation", "errors"},
    "insight": {"scoring", "validation", "errors"},
    "webhooks": {"errors"},
    "protocol": {"scoring.emails", "scoring.events", "scoring.phones", "scoring.strings", "validation", "errors"},
    "scoring": {"validation"},
    "settings": {"scoring.phones", "scoring.strings", "validation"},
    "errors": {"validation"},
    "validation": set[str](),
    "metrics": set[str](),
    "logs": set[str](),
    "clock": set[str](),
    "demo": set[str](),
}

PURE = {"scoring", "insight", "protocol", "validation"}
TOLD_THE_TIME = PURE | {"webhooks", "storage", "services", "demo"}
CLOCKS = re.compile(r"(time\.time(_ns)?|(.*\.)?(now|utcnow|today|current_timestamp))")
IMPURE_MODULES = {"asyncio", "logging", "os", "pathlib", "random", "secrets", "socket", "sqlalchemy", "sqlite3"}
IMPURE_MODULES |= {"structlog", "subprocess", "tempfile", "threading", "time"}
IMPURE_CALLS = {"open", "print", "input", "read_text", "read_bytes", "write_text", "write_bytes", "uuid4", "uuid7"}
EXCUSED = {
    ("app/protocol/messages.py", "uuid7"),  # a message that brings no id is given one
    ("app/scoring/referrers.py", "read_text"),  # a list that ships inside a package, read once
}
ASYNC = (ast.AsyncFunctionDef, ast.AsyncFor, ast.AsyncWith, ast.Await)

BANNED_NAMES = {"base", "common", "core", "helper", "helpers", "manager", "managers", "misc", "shared", "util", "utils"}
NUMERICAL = {"joblib", "numpy", "scipy", "sklearn", "threadpoolctl"}
ONLY_FOR_QUOTAS = {"limits", "redis"}
WIRED_BY_MAIN = {"FastAPI", "Settings", "create_app", "create_async_engine", "create_engine"}
LEFTOVER = re.compile(r"\b(TOD[O]|FIXM[E]|XX[X]|HAC[K])\b")


def trees(*folders: str) -> dict[Path, ast.Module]:
    """Every Python file of these folders, parsed, by its path from the root."""
    files = sorted(file for folder in folders for file in (ROOT / folder).rglob("*.py"))
    return {file.relative_to(ROOT): ast.parse(file.read_text(), str(file)) for file in files}


APP = trees("app")
ALL = APP | trees("migrations", "tests", "benchmarks", "docs")


def part(path: Path) -> str:
    """The part of the house that a file of app/ belongs to: `app/api/leads.py` → `api`, `app/main.py` → `main`."""
    return path.with_suffix("").parts[1]


def imports(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and dotted name of all that is imported, anywhere: `from app.api import leads` gives `app.api.leads`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (f"{node.module}." if node.module else "")
            yield from ((node.lineno, module + alias.name) for alias in node.names)


def calls(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and dotted name of all that is called: `datetime.now(UTC)` gives `datetime.now`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield node.lineno, ast.unparse(node.func)


def last(name: str) -> str:
    return name.rpartition(".")[2]


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """The lines of a function from `def` on, without its docstring."""
    docstring = function.body[0] if ast.get_docstring(function) is not None else None
    documented = docstring.end_lineno - docstring.lineno + 1 if docstring and docstring.end_lineno else 0
    return (function.end_lineno or function.lineno) - function.lineno + 1 - documented


def functions(files: dict[Path, ast.Module]) -> Iterator[tuple[str, int]]:
    for path, tree in files.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{path}:{node.lineno} {node.name}", length(node)


def test_every_file_of_app_has_a_place_in_the_house() -> None:
    assert [str(path) for path in APP if path.name != "__init__.py" and part(path) not in MAY_IMPORT] == []


def test_imports_go_one_way() -> None:
    def is_allowed(path: Path, name: str) -> bool:
        allowed = tuple(f"app.{other}." for other in MAY_IMPORT[part(path)] | {part(path)})
        return not name.startswith("app.") or f"{name}.".startswith(allowed)

    files = {path: tree for path, tree in APP.items() if part(path) in MAY_IMPORT}
    found = [(path, *each) for path, tree in files.items() for each in imports(tree)]
    assert [f"{path}:{line} imports {name}" for path, line, name in found if not is_allowed(path, name)] == []


def test_imports_are_absolute() -> None:
    found = [(path, *each) for path, tree in ALL.items() for each in imports(tree)]
    assert [f"{path}:{line} imports {name}" for path, line, name in found if name.startswith(".")] == []


def test_pure_parts_do_not_reach_outside() -> None:
    found = [(str(path), *each) for path, tree in APP.items() if part(path) in PURE for each in calls(tree)]
    impure = [(path, line, last(name)) for path, line, name in found if last(name) in IMPURE_CALLS]
    assert [f"{path}:{line} calls {name}()" for path, line, name in impure if (path, name) not in EXCUSED] == []


def test_every_excuse_is_still_needed() -> None:
    assert EXCUSED - {(str(path), last(name)) for path, tree in APP.items() for _, name in calls(tree)} == set()


def test_pure_parts_import_nothing_that_reaches_outside() -> None:
    found = [(path, *each) for path, tree in APP.items() if part(path) in PURE for each in imports(tree)]
    assert [f"{path}:{line} imports {name}" for path, line, name in found if name.split(".")[0] in IMPURE_MODULES] == []


def test_pure_parts_do_not_wait() -> None:
    found = [(path, node) for path, tree in APP.items() if part(path) in PURE for node in ast.walk(tree)]
    assert [f"{path}:{node.lineno}" for path, node in found if isinstance(node, ASYNC)] == []


def test_the_time_is_an_argument_below_api_cli_and_workers() -> None:
    found = [(path, *each) for path, tree in APP.items() if part(path) in TOLD_THE_TIME for each in calls(tree)]
    assert [f"{path}:{line} calls {name}()" for path, line, name in found if CLOCKS.fullmatch(name)] == []


def test_only_storage_knows_sql() -> None:
    drivers = ("sqlalchemy.", "asyncpg.", "aiosqlite.", "sqlite3.", "alembic.")
    handle = "sqlalchemy.ext.asyncio.AsyncConnection"  # what a service passes on of the transaction that it opened
    found = [(path, *each) for path, tree in APP.items() if part(path) != "storage" for each in imports(tree)]
    known = [(path, line, name) for path, line, name in found if f"{name}.".startswith(drivers) and name != handle]
    assert [f"{path}:{line} imports {name}" for path, line, name in known] == []


def test_only_insight_imports_numerical_libraries() -> None:
    found = [(path, *each) for path, tree in APP.items() if part(path) != "insight" for each in imports(tree)]
    known = [(path, line, name) for path, line, name in found if name.split(".")[0] in NUMERICAL]
    assert [f"{path}:{line} imports {name}" for path, line, name in known] == []


def test_a_serving_process_loads_no_libraries_that_it_may_not_need() -> None:
    code = "import sys; import app.main, app.cli.server; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert (NUMERICAL | ONLY_FOR_QUOTAS) & set(done.stdout.split()) == set()


def test_nothing_is_wired_when_a_module_is_imported() -> None:
    found = [
        (path, line, name)
        for path, tree in APP.items()
        for statement in tree.body
        if isinstance(statement, ast.Assign | ast.AnnAssign | ast.Expr)
        for line, name in calls(statement)
    ]
    assert [f"{path}:{line} calls {name}()" for path, line, name in found if last(name) in WIRED_BY_MAIN] == []


def test_only_the_command_line_prints() -> None:
    found = [(path, *each) for path, tree in APP.items() if part(path) != "cli" for each in calls(tree)]
    assert [f"{path}:{line}" for path, line, name in found if name == "print"] == []


def test_no_file_has_more_than_400_lines() -> None:
    lengths = {path: len((ROOT / path).read_text().splitlines()) for path in ALL}
    assert {str(path): lines for path, lines in lengths.items() if lines > 400} == {}


def test_no_function_has_more_than_60_lines() -> None:
    assert {name: lines for name, lines in functions(APP | trees("tests", "benchmarks", "docs")) if lines > 60} == {}


def test_nine_functions_in_ten_have_fewer_than_25_lines() -> None:
    lengths = [lines for _, lines in functions(APP)]
    assert quantiles(lengths, n=10)[-1] < 25


def test_a_file_is_named_for_what_lives_in_it() -> None:
    names = {path: set(path.with_suffix("").parts) for path in ALL}
    assert [str(path) for path, parts in names.items() if parts & BANNED_NAMES] == []


def test_nothing_is_left_to_do() -> None:
    folders = ("app", "migrations", "tests", "benchmarks", "docs")
    kinds = {".py", ".yaml", ".md", ".json", ".mako"}
    files = [file for folder in folders for file in (ROOT / folder).rglob("*") if file.suffix in kinds]
    found = [(file, line) for file in files for line in file.read_text().splitlines() if LEFTOVER.search(line)]
    assert [f"{file.relative_to(ROOT)}: {line.strip()}" for file, line in found] == []


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import os.path", ["os.path"]),
        ("from app.api import leads, keys", ["app.api.leads", "app.api.keys"]),
        ("def f():\n    from . import leads", [".leads"]),
    ],
)
def test_imports_are_found_in_every_form(source: str, expected: list[str]) -> None:
    assert [name for _, name in imports(ast.parse(source))] == expected
