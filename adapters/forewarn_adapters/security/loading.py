"""Sigma rules read from files by pySigma, with errors that name the file and the rule."""

import copy
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from forewarn_models.errors import ConfigError

SHIPPED = Path(__file__).parent / "rules"

_MOST_BYTES = 1 << 20
_MOST_FILES = 10_000
_MOST_DEPTH = 40
_SUFFIXES = {".yml", ".yaml"}


def rule_files(paths: Sequence[Path], *, shipped: bool) -> list[Path]:
    """Return the files of rules, those of folders at any depth, each once.

    Raises ConfigError when a path is not there or has no rules.
    """
    found: dict[Path, None] = {}
    problems = []
    for path in [*([SHIPPED] if shipped else []), *paths]:
        files = sorted(_files_of(path))
        if not files:
            problems.append(
                f"{path}: rules must be a file, or a folder with files *.yml or *.yaml, got "
                + ("none of these" if path.exists() else "nothing there")
            )
        found.update(dict.fromkeys(file.resolve() for file in files))
    if len(found) > _MOST_FILES:
        problems.append(f"at most {_MOST_FILES} files of rules are read, got {len(found)}")
    if problems:
        raise ConfigError(*problems)
    return list(found)


def collection_of(files: Iterable[Path]) -> Any:
    """Return all rules of files as one collection of pySigma, filters applied.

    Raises ConfigError with every problem: what is no YAML, no Sigma rule, or refers to no rule.
    """
    from sigma.collection import SigmaCollection
    from sigma.exceptions import SigmaError

    problems: list[str] = []
    parts = []
    for file in files:
        try:
            part = _part(file)
        except ConfigError as refused:
            problems.extend(refused.problems)
            continue
        problems.extend(_problems(file, part))
        parts.append(part)
    problems.extend(_ambiguous(parts))
    if problems:
        raise ConfigError(*problems)
    try:
        whole = SigmaCollection.merge(parts, resolve_references=False)
        whole.resolve_rule_references()
    except (SigmaError, KeyError) as refused:
        raise ConfigError(
            f"rules must refer to rules that are read with them, got: {_said(refused)}"
        ) from refused
    return whole


def _files_of(path: Path) -> Iterator[Path]:
    if path.is_dir():
        yield from (file for file in path.rglob("*") if file.suffix in _SUFFIXES and file.is_file())
    elif path.is_file():
        yield path


def _part(file: Path) -> Any:
    """Return the rules of one file, with the errors of each in it."""
    from sigma.exceptions import SigmaError

    documents = _documents(file)
    try:
        try:
            return _read(documents, file, collect_errors=True)
        except (AttributeError, TypeError, UnboundLocalError):
            # Where pySigma stumbles over what it collects, the first error alone says more.
            return _read(documents, file, collect_errors=False)
    except (SigmaError, ValueError, TypeError, AttributeError, UnboundLocalError) as refused:
        raise ConfigError(f"{file}: must hold Sigma rules, got: {_said(refused)}") from refused


def _read(documents: list[dict[str, Any]], file: Path, *, collect_errors: bool) -> Any:
    from sigma.collection import SigmaCollection
    from sigma.exceptions import SigmaRuleLocation

    return SigmaCollection.from_dicts(
        copy.deepcopy(documents),
        collect_errors=collect_errors,
        source=SigmaRuleLocation(file),
        collect_filters=True,
        resolve_references=False,
    )


def _documents(file: Path) -> list[dict[str, Any]]:
    from sigma.rule.base import SigmaYAMLLoader

    try:
        with file.open("rb") as opened:
            content = opened.read(_MOST_BYTES + 1)
        if len(content) > _MOST_BYTES:
            raise ConfigError(f"{file}: must have at most {_MOST_BYTES:,} bytes")
        _refuse_nesting(file, content)
        documents = list(yaml.load_all(content, SigmaYAMLLoader))
    except OSError as failed:
        raise ConfigError(f"{file}: cannot be read: {failed.strerror}") from failed
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as refused:
        said = " ".join(str(refused).split())
        raise ConfigError(f"{file}: must be YAML, got: {said}") from refused
    documents = [document for document in documents if document is not None]
    if not documents or not all(isinstance(document, dict) for document in documents):
        raise ConfigError(f"{file}: must hold Sigma rules, got something else")
    return documents


def _refuse_nesting(file: Path, content: bytes) -> None:
    """Refuse aliases, which can unfold to anything, and depth."""
    depth = 0
    for event in yaml.parse(content, yaml.CSafeLoader):
        if isinstance(event, yaml.AliasEvent):
            raise ConfigError(f"{file}: must have no YAML aliases, got *{event.anchor}")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > _MOST_DEPTH:
            raise ConfigError(f"{file}: must be nested at most {_MOST_DEPTH} deep")


def _problems(file: Path, part: Any) -> Iterator[str]:
    for rule in [*part.rules, *part.filters]:
        for error in rule.errors:
            yield f"{file}: rule {rule.title!r}: {_said(error)}"
    if not part.errors:
        return
    told = {id(error) for rule in [*part.rules, *part.filters] for error in rule.errors}
    yield from (f"{file}: {_said(error)}" for error in part.errors if id(error) not in told)


def _ambiguous(parts: Sequence[Any]) -> Iterator[str]:
    """Yield what two rules share: references, series and events would mix them up."""
    seen: dict[str, Path] = {}
    for rule in (rule for part in parts for rule in part.rules):
        for name in filter(None, (str(rule.id or ""), rule.name)):
            if name in seen:
                yield (
                    f"{rule.source.path}: rule {rule.title!r}: id and name must be its own, got "
                    f"{name!r}, which a rule of {seen[name]} has"
                )
            seen.setdefault(name, rule.source.path)


def _said(error: BaseException) -> str:
    text = str(error.args[0]) if error.args else type(error).__name__
    return " ".join(text.split())[:500]
