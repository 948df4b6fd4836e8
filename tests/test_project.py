"""The project keeps its own promises: sizes, layers, folders, documents."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGES = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
NAMES = [Path(package).name for package in PACKAGES]
HEADINGS = ["## What lives here", "## May import", "## Start reading at"]

MOST_LINES_OF_A_FUNCTION = 50
MOST_LINES_OF_MOST_FUNCTIONS = 25
MOST_LINES_OF_A_MODULE = 400
MOST_PARAMETERS = 6


def modules() -> Iterator[Path]:
    for package in PACKAGES:
        yield from sorted((ROOT / package).rglob("*.py"))


def functions() -> Iterator[tuple[Path, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield path, node


def code_lines(path: Path, node: ast.AST | None = None) -> int:
    """Lines with code on them: no blanks, comments or docstrings."""
    tree = node or ast.parse(path.read_text())
    lines: set[int] = set()
    for part in ast.walk(tree):
        is_docstring = isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant)
        if isinstance(part, ast.stmt) and not is_docstring:
            end = part.end_lineno or part.lineno
            body = getattr(part, "body", None)
            last = body[0].lineno - 1 if isinstance(body, list) and body else end
            lines.update(range(part.lineno, max(last, part.lineno) + 1))
    return len(lines)


def test_functions_are_short() -> None:
    sizes = {
        f"{path.relative_to(ROOT)}:{node.name}": code_lines(path, node)
        for path, node in functions()
    }
    assert {name: size for name, size in sizes.items() if size > MOST_LINES_OF_A_FUNCTION} == {}
    long = [name for name, size in sizes.items() if size > MOST_LINES_OF_MOST_FUNCTIONS]
    assert len(long) <= 0.05 * len(sizes), long


def test_modules_are_short() -> None:
    sizes = {str(path.relative_to(ROOT)): code_lines(path) for path in modules()}
    assert {name: size for name, size in sizes.items() if size > MOST_LINES_OF_A_MODULE} == {}


def test_no_module_has_a_name_that_says_nothing() -> None:
    empty = {"utils", "util", "helpers", "common", "base", "misc", "constants"}
    assert [str(path) for path in modules() if path.stem in empty] == []


def test_each_first_level_package_is_in_the_wheel_the_layers_and_the_coverage() -> None:
    found = sorted(path.parent.name for path in ROOT.glob("*/forewarn_*/__init__.py"))
    assert sorted(NAMES) == sorted(["forewarn", *found])
    assert sorted(NAMES) == sorted(PROJECT["tool"]["importlinter"]["root_packages"])
    assert sorted(NAMES) == sorted(PROJECT["tool"]["coverage"]["run"]["source_pkgs"])
    assert sorted(NAMES) == sorted(PROJECT["tool"]["mypy"]["packages"])


@pytest.mark.parametrize("package", [path for path in PACKAGES if "/" in path])
def test_each_room_has_a_readme_of_one_form(package: str) -> None:
    text = (ROOT / package).parent.joinpath("README.md").read_text()
    assert re.findall(r"^## .*", text, re.MULTILINE) == HEADINGS


def test_each_exception_to_a_check_has_a_reason() -> None:
    bare = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in modules()
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if re.search(r"# (noqa: [A-Z0-9, ]+|type: ignore\[[a-z-]+\])$", line)
    ]
    assert bare == []


def test_each_model_of_the_catalogue_has_a_card() -> None:
    from forewarn_models.catalogue import DETECTORS, FORECASTERS

    cards = {path.stem for path in (ROOT / "docs" / "models").glob("*.md")}
    assert {*DETECTORS, *FORECASTERS} - cards == set()


def test_help_imports_nothing_heavy() -> None:
    heavy = ["numpy", "pandas", "sklearn", "statsmodels", "prophet", "mlflow", "matplotlib"]
    heavy += ["fastapi", "sqlalchemy"]
    program = (
        "import sys\nfrom forewarn.__main__ import app\nfrom typer.testing import CliRunner\n"
        "assert CliRunner().invoke(app, ['--help']).exit_code == 0\n"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_lock_file_names_no_host_and_has_a_hash_for_each_package() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    assert "://" not in lock
    pinned = re.findall(r"^[a-z0-9].*==.*\\\n    --hash=sha256:", lock, re.MULTILINE)
    assert len(pinned) == len(re.findall(r"^[a-z0-9]", lock, re.MULTILINE))


def test_links_between_documents_lead_somewhere() -> None:
    broken = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in [*ROOT.glob("*.md"), *ROOT.glob("*/*.md"), *ROOT.glob("docs/**/*.md")]
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text())
        if not (page.parent / target).exists()
    ]
    assert broken == []
