"""YAML text as a tree that knows on which line each thing stands.

The tree is built from the parser's events and not by a YAML loader: so every duplicate key is
seen, sizes are bounded before anything is built, and plain words stay words. Of plain scalars
only `null`, `true`, `false` and numbers are more than text: `no`, `on` and `1:30` are what they
look like.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import yaml

from forewarn_adapters.config.problems import Path, Problem, shortened

MOST_CHARACTERS = 1_048_576
MOST_NODES = 500_000
DEEPEST = 20

Scalar: TypeAlias = str | int | float | bool | None

_INTEGER = re.compile(r"[-+]?\d{1,18}", re.ASCII)
_FLOAT = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d{1,4})?", re.ASCII)
_SURROGATE = re.compile("[\ud800-\udfff]")
_WORDS: Mapping[str, Scalar] = {"": None, "~": None, "null": None, "true": True, "false": False}
_MERGE = "<<"
# libyaml's parser is about ten times quicker; the wheels of PyYAML carry it.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Node:
    """A scalar, a list or a mapping of the file.

    Args:
        line: the line it begins on, from 1.
        content: a scalar's value, a tuple of nodes, or a mapping of names to nodes.
        key_lines: of a mapping: the line of each of its keys.
        size: how many nodes it holds, itself included, aliases counted as often as they stand.
        height: how many levels it has, itself included.
    """

    line: int
    content: "Scalar | tuple[Node, ...] | Mapping[str, Node]"
    key_lines: Mapping[str, int] = field(default_factory=dict)
    size: int = 1
    height: int = 1

    def find(self, path: Path) -> "Node | None":
        """Return the node at `path`, or None when the file has none there."""
        node: Node | None = self
        for step in path:
            node = None if node is None else node.child(step)
        return node

    def child(self, step: str | int) -> "Node | None":
        if isinstance(self.content, Mapping):
            return self.content.get(str(step))
        if isinstance(self.content, tuple) and isinstance(step, int):
            return self.content[step] if step < len(self.content) else None
        return None

    def line_of(self, path: Path) -> int:
        """Return the line of the key at `path`, or that of the nearest thing around it."""
        node, line = self, self.line
        for step in path:
            child = node.child(step)
            if child is None:
                return line
            line = node.key_lines.get(str(step), child.line)
            node = child
        return line


class Refused(Exception):  # noqa: N818  the name says what happened
    """The text cannot be read on; `problem` says where and why."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.problem = Problem((), message, line=line)


def parse_nodes(text: str) -> tuple[Node, tuple[Problem, ...]]:
    """Return the tree of a YAML text and the problems that leave it readable.

    Raises Refused for the first problem that does not.
    """
    if len(text) > MOST_CHARACTERS:
        raise Refused(1, f"the file must be at most {MOST_CHARACTERS} bytes, got more")
    if wrong_character := _SURROGATE.search(text):
        line = text.count("\n", 0, wrong_character.start()) + 1
        raise Refused(line, "the file must be UTF-8 text")
    builder = _Builder(yaml.parse(text, Loader=_LOADER))
    try:
        root = builder.document()
    except yaml.MarkedYAMLError as wrong:
        mark = wrong.problem_mark or wrong.context_mark
        said = " ".join(part for part in (wrong.context, wrong.problem) if part)
        raise Refused(mark.line + 1 if mark else 1, f"not valid YAML: {said}") from wrong
    except yaml.reader.ReaderError as wrong:
        line = text.count("\n", 0, wrong.position) + 1
        raise Refused(line, f"not valid YAML: {wrong.reason}") from wrong
    return root, tuple(builder.problems)


class _Builder:
    """Builds nodes from a parser's events, which hold no tree yet and so cannot explode."""

    def __init__(self, events: Iterator[yaml.Event]) -> None:
        self._events = events
        self._anchors: dict[str, Node] = {}
        self._count = 0
        self.problems: list[Problem] = []

    def document(self) -> Node:
        """Return the only document of the stream."""
        next(self._events)  # the stream starts
        if isinstance(next(self._events), yaml.StreamEndEvent):
            return Node(1, None)
        root = self._node(next(self._events), depth=1)
        next(self._events)  # the document ends
        after = next(self._events)
        if isinstance(after, yaml.DocumentStartEvent):
            raise Refused(_line(after), "the file must hold one document, got a second one")
        return root

    def _node(self, event: yaml.Event, *, depth: int) -> Node:
        """Return the node that `event` begins; what it costs is known before it is built on."""
        if isinstance(event, yaml.AliasEvent):
            node = self._aliased(event)
            self._count += node.size
        else:
            self._check(event, levels=depth)
            node = self._written(event, depth=depth)
            self._count += 1
        self._check(event, levels=depth + node.height - 1)
        return node

    def _check(self, event: yaml.Event, *, levels: int) -> None:
        if levels > DEEPEST:
            raise Refused(_line(event), f"nothing may be nested deeper than {DEEPEST} levels")
        if self._count > MOST_NODES:
            raise Refused(
                _line(event), f"the file must hold at most {MOST_NODES} values, aliases unfolded"
            )

    def _aliased(self, event: yaml.NodeEvent) -> Node:
        if event.anchor not in self._anchors:
            raise Refused(
                _line(event), f"the alias *{event.anchor} must follow its anchor &{event.anchor}"
            )
        return self._anchors[event.anchor]

    def _written(self, event: yaml.Event, *, depth: int) -> Node:
        assert isinstance(event, yaml.NodeEvent)  # noqa: S101  the parser's grammar says so
        if getattr(event, "tag", None):
            raise Refused(_line(event), "tags such as !!str are not read: leave it out")
        if isinstance(event, yaml.ScalarEvent):
            content = _scalar(event.value) if event.implicit[0] else str(event.value)
            node = Node(_line(event), content)
        elif isinstance(event, yaml.SequenceStartEvent):
            node = self._sequence(event, depth=depth)
        else:
            node = self._mapping(event, depth=depth)
        if event.anchor:
            self._anchors[event.anchor] = node
        return node

    def _sequence(self, start: yaml.Event, *, depth: int) -> Node:
        items = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._node(event, depth=depth + 1))
        return Node(_line(start), tuple(items), {}, _size(items), _height(items))

    def _mapping(self, start: yaml.Event, *, depth: int) -> Node:
        entries: dict[str, Node] = {}
        merged: dict[str, Node] = {}
        lines: dict[str, int] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                raise Refused(_line(event), "a key must be a word, got a list, a mapping or alias")
            value = self._node(next(self._events), depth=depth + 1)
            key = str(event.value)
            if key == _MERGE and event.implicit[0]:
                merged |= _merged(value)
                continue
            if key in entries:
                self._duplicate(event, key, first=lines[key])
            entries[key] = value
            lines[key] = _line(event)
        whole = merged | entries
        return Node(_line(start), whole, lines, _size(whole.values()), _height(whole.values()))

    def _duplicate(self, event: yaml.Event, key: str, *, first: int) -> None:
        message = f"the key {shortened(key)!r} must stand once, got it on line {first} too"
        self.problems.append(Problem((), message, line=_line(event)))


def _size(children: Collection[Node]) -> int:
    return 1 + sum(child.size for child in children)


def _height(children: Collection[Node]) -> int:
    return 1 + max((child.height for child in children), default=0)


def _merged(value: Node) -> Mapping[str, Node]:
    """Return what `<<: *defaults` brings in."""
    if not isinstance(value.content, Mapping):
        raise Refused(value.line, "`<<` must be followed by an alias of a mapping")
    return value.content


def _scalar(text: str) -> Scalar:
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text


def _line(event: yaml.Event) -> int:
    mark = event.start_mark
    return mark.line + 1 if mark else 1
