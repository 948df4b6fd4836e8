"""`forewarn.yaml` as a Config, or every reason why not, each with its line."""

from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import replace
from pathlib import Path as FilePath
from typing import TypeAlias

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from forewarn_adapters.config.checks import cross_problems
from forewarn_adapters.config.environment import Unresolved, resolved
from forewarn_adapters.config.faults import last_key, nearest_key, path_of, problem_of, shown
from forewarn_adapters.config.nodes import MOST_CHARACTERS, Node, Refused, parse_nodes
from forewarn_adapters.config.problems import Path, Problem
from forewarn_adapters.config.schema import Config
from forewarn_models.errors import ConfigError

Data: TypeAlias = "str | int | float | bool | list[Data] | dict[str, Data] | None"

MOST_PROBLEMS = 100
_MOST_FILLED_CHARACTERS = 8 * MOST_CHARACTERS
_SIGNAL: Data = {"name": "placeholder", "query": "placeholder"}
# Stand in for a broken value, so that the checks across keys still see the rest of the file.
_PLACEHOLDERS: Mapping[str, Data] = {
    "signals": _SIGNAL,
    "tokens": {"name": "placeholder", "token": "placeholder placeholder"},
    "group_by": "placeholder",
    "files": "placeholder",
    "days_off": "2000-01-01",
    "masks": {"query": "placeholder"},
    "matchers": 'placeholder=""',
    "url": "http://placeholder",
    "username": "placeholder",
    "password": "placeholder",
    "token": "placeholder placeholder",
    "name": "placeholder",
    "query": "placeholder",
}
_REQUIRED = frozenset({"url", "username", "password", "token", "name", "query"})


def read_config(path: FilePath, *, environment: Mapping[str, str]) -> Config:
    """Return the configuration in a file; relative paths in it start from the file's folder.

    Raises ConfigError with every problem when it cannot be read or is refused.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MOST_CHARACTERS + 1)
    except OSError as missing:
        raise ConfigError(f"{path}: the file must be readable: {missing.strerror}") from missing
    if len(content) > MOST_CHARACTERS:
        raise ConfigError(f"{path}: the file must be at most {MOST_CHARACTERS} bytes, got more")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as wrong:
        line = content.count(b"\n", 0, wrong.start) + 1
        raise ConfigError(f"{path}:{line}: the file must be UTF-8 text") from wrong
    return parse_config(text, environment=environment, name=str(path), folder=path.parent)


def parse_config(
    text: str,
    *,
    environment: Mapping[str, str],
    name: str = "forewarn.yaml",
    folder: FilePath | None = None,
) -> Config:
    """Return the configuration that a text holds.

    Args:
        text: YAML.
        environment: the variables that `${NAME}` may name.
        name: what messages call the file.
        folder: where relative paths start; without it they stay as they are.

    Raises ConfigError with all problems, sorted by line: `name:line: path: what is wrong`; after
    the first hundred only their number.
    """
    try:
        root, problems = parse_nodes(text)
        config, found = _checked(root, environment=environment, folder=folder)
    except Refused as refused:
        raise ConfigError(_line_text(refused.problem, name=name)) from refused
    problems += found
    if config is None or problems:
        located = [replace(each, line=each.line or root.line_of(each.path)) for each in problems]
        located.sort(key=lambda each: each.line)
        raise ConfigError(*_told(dict.fromkeys(_line_text(each, name=name) for each in located)))
    return config


def _told(lines: Iterable[str]) -> tuple[str, ...]:
    """Return the first lines, and how many are left out: nobody reads thousands."""
    told = tuple(lines)
    n_more = len(told) - MOST_PROBLEMS
    return (*told[:MOST_PROBLEMS], f"and {n_more} more problems") if n_more > 0 else told


def _line_text(problem: Problem, *, name: str) -> str:
    return f"{name}:{problem.line}: {problem}"


def _checked(
    root: Node, *, environment: Mapping[str, str], folder: FilePath | None
) -> tuple[Config | None, tuple[Problem, ...]]:
    """Return the configuration, if it fits the schema, and all problems beyond the syntax."""
    if not isinstance(root.content, Mapping):
        message = f"the file must be a mapping of keys such as `signals:`, got {shown((), root)}"
        raise Refused(root.line, message)
    filler = _Filler(environment)
    data = filler.data_of(root, ())
    config, errors = _validated(data, folder=folder)
    unfilled = {problem.path for problem in filler.problems}
    broken = unfilled | {path for error in errors for path in _broken_by(error)}
    faults = [problem_of(error, root) for error in errors if path_of(error) not in unfilled]
    probe = config or _validated(_mended(data, errors), folder=folder)[0]
    crossed = cross_problems(probe, root) if probe else ()
    return config, (*filler.problems, *faults, *_worth_telling(crossed, broken))


class _Filler:
    """Turns nodes into plain data with the environment's values in place."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._characters = 0
        self.problems: list[Problem] = []

    def data_of(self, node: Node, path: Path) -> Data:
        """Return a node's data; what cannot be filled in is a problem and stays as it is."""
        if isinstance(node.content, Mapping):
            return {key: self.data_of(each, (*path, key)) for key, each in node.content.items()}
        if isinstance(node.content, tuple):
            return [self.data_of(each, (*path, i)) for i, each in enumerate(node.content)]
        if isinstance(node.content, str) and "${" in node.content:
            return self._filled(node.content, path, line=node.line)
        return node.content

    def _filled(self, text: str, path: Path, *, line: int) -> str:
        try:
            value = resolved(text, environment=self._environment)
        except Unresolved as wrong:
            self.problems.append(Problem(path, str(wrong)))
            return text
        self._characters += len(value)
        if self._characters > _MOST_FILLED_CHARACTERS:
            message = (
                f"all texts with variables must be at most {_MOST_FILLED_CHARACTERS} characters "
                "together"
            )
            raise Refused(line, message)
        return value


def _validated(data: Data, *, folder: FilePath | None) -> tuple[Config | None, list[ErrorDetails]]:
    if isinstance(data, dict):  # so that paths among the defaults find the folder as well
        data = {"api": {}, "training": {}} | data
    try:
        return Config.model_validate(data, context={"folder": folder}), []
    except ValidationError as refused:
        return None, refused.errors(include_url=False, include_input=False)


def _broken_by(error: ErrorDetails) -> Iterator[Path]:
    """Return the paths whose value is not known because of an error."""
    path = path_of(error)
    yield path
    if error["type"] == "extra_forbidden" and (meant := nearest_key(path)):
        yield (*path[:-1], meant)


def _mended(data: Data, errors: Iterable[ErrorDetails]) -> Data:
    """Return the data with every broken value left out, or replaced where one must stand."""
    mended = deepcopy(data)
    for error in errors:
        path = path_of(error)
        parent: Data = mended
        for step in path[:-1]:
            parent = _child(parent, step)
        _mend(parent, path)
    return mended


def _child(parent: Data, step: str | int) -> Data:
    if isinstance(parent, dict):
        return parent.get(str(step))
    if isinstance(parent, list) and isinstance(step, int):
        return parent[step]
    return None


def _mend(parent: Data, path: Path) -> None:
    key = path[-1]
    if isinstance(parent, list) and isinstance(key, int):
        parent[key] = deepcopy(_PLACEHOLDERS.get(last_key(path)))
    elif isinstance(parent, dict):
        parent.pop(str(key), None)
        if key == "signals":
            parent[key] = [deepcopy(_SIGNAL)]
        elif key in _REQUIRED:
            parent[str(key)] = _PLACEHOLDERS[str(key)]


def _worth_telling(problems: Iterable[Problem], broken: set[Path]) -> Iterator[Problem]:
    """Return the problems that do not rest on a value that is itself broken."""
    around = {path[:length] for path in broken for length in range(len(path) + 1)}
    for problem in problems:
        reads = (problem.path, *problem.reads)
        inside = any(path[:n] in broken for path in reads for n in range(len(path) + 1))
        if not inside and not any(path in around for path in reads if path):
            yield problem
