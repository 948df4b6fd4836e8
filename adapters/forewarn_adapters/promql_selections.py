"""The series that a PromQL expression selects, and the functions that stand around each."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from forewarn_adapters.promql import BRACES, NAME, NUMBERS, STRING

_TOKEN = re.compile(
    rf"(?P<space>(?:\s|\#[^\n]*)+)|(?P<string>{STRING})"
    r"|(?P<number>(?:\d|\.\d)[\w.]*(?:(?<=[eE])[+-]\d+)?)"
    rf"|(?P<word>{NAME})|(?P<braces>{BRACES})|(?P<range>\[[^\]]*\])"
    r"|(?P<mark>[=!]~|[=!<>]=|[-+*/%^@<>(),])",
    re.ASCII,
)
# A list of labels in parentheses may follow these words.
_BEFORE_LABELS = frozenset({"by", "without", "on", "ignoring", "group_left", "group_right"})
_AFTER_AGGREGATION = frozenset({"by", "without"})
_OPERATOR_WORDS = frozenset({"and", "or", "unless", "atan2", "bool", "offset"})
# Each selection remembers all that it stands in: the memory for it has a bound.
_MOST_LEVELS = 100


@dataclass(frozen=True, slots=True)
class Selection:
    """One selector of an expression.

    Args:
        name: of the metric, None where only matchers choose.
        start: the place of its first character.
        end: the place after its last.
        is_instant: False when a range in brackets follows it.
        functions: those whose parentheses it stands in, the outermost first; "" for plain ones.
    """

    name: str | None
    start: int
    end: int
    is_instant: bool
    functions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Expression:
    """What an expression selects, and the operators in it: signs, and words such as `offset`.

    Args:
        selections: in their order.
        operators: all of them.
        outer_operators: those that stand in no function, in their order.
    """

    selections: tuple[Selection, ...]
    operators: frozenset[str]
    outer_operators: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    start: int
    end: int

    @property
    def word(self) -> str:
        """The text as PromQL compares its own words: in any case."""
        return self.text.lower() if self.kind == "word" else ""


_NOTHING = _Token("nothing", "", 0, 0)


def read_expression(query: str) -> Expression | None:
    """Return what a query selects, None where that is not certain.

    >>> read_expression('sum by (job) (rate(up{a="b"}[5m]))').selections[0].functions
    ('sum', 'rate')
    """
    tokens = _tokens(query)
    walk = _Walk()
    if tokens is None:
        return None
    telling = _without_labels([token for token in tokens if token.kind != "space"])
    if not all(walk.takes(*three) for three in _with_neighbours(telling)):
        return None
    if walk.around or not walk.has_operand:
        return None
    operators = frozenset(walk.operators)
    return Expression(tuple(walk.selections), operators, tuple(walk.outer_operators))


def on_one_line(query: str) -> str:
    r"""Return a query that is read without its comments and line breaks, any other as it is.

    >>> on_one_line("up # those\n  + 1")
    'up + 1'
    """
    tokens = _tokens(query)
    if tokens is None:
        return query
    shortened = (" " if token.kind == "space" else token.text for token in tokens)
    return "".join(shortened).strip()


def _tokens(query: str) -> list[_Token] | None:
    """Return all parts of a query in their order, None where something in it is no PromQL."""
    found: list[_Token] = []
    place = 0
    while place < len(query):
        match = _TOKEN.match(query, place)
        if match is None:
            return None
        found.append(_Token(match.lastgroup or "", match[0], place, match.end()))
        place = match.end()
    return found


def _without_labels(tokens: list[_Token]) -> list[_Token]:
    """Return tokens without lists of labels: they would look like metrics."""
    kept: list[_Token] = []
    in_labels = False
    for place, token in enumerate(tokens):
        if token.text == "(" and place and tokens[place - 1].word in _BEFORE_LABELS:
            in_labels = True
        if not in_labels:
            kept.append(token)
        if token.text == ")":
            in_labels = False
    return kept


def _with_neighbours(tokens: list[_Token]) -> Iterator[tuple[_Token, _Token, _Token]]:
    padded = [*tokens, _NOTHING, _NOTHING]
    return zip(padded[:-2], padded[1:-1], padded[2:], strict=True)


@dataclass(slots=True)
class _Walk:
    """Where the reading of an expression is.

    Args:
        has_operand: whether a value has just ended, so that no other can begin.
        function: what the next parenthesis belongs to.
    """

    around: list[str] = field(default_factory=list)
    selections: list[Selection] = field(default_factory=list)
    operators: set[str] = field(default_factory=set)
    outer_operators: list[str] = field(default_factory=list)
    has_operand: bool = False
    function: str = ""

    def takes(self, token: _Token, following: _Token, after: _Token) -> bool:
        """Take one token; False where it does not fit."""
        if token.kind == "word":
            return self._takes_word(token, following, after)
        if token.kind == "mark":
            return self._takes_mark(token.text)
        if token.kind == "range":
            return self.has_operand
        if token.kind == "braces" and self.has_operand:
            # They belong to the name before them.
            return self.selections[-1:] != [] and self.selections[-1].end == token.end
        if token.kind == "braces":
            return self._selects(None, token.start, token.end, following)
        return self._begins_operand()

    def _takes_word(self, token: _Token, following: _Token, after: _Token) -> bool:
        if token.word in _BEFORE_LABELS:
            return True
        if token.word in _OPERATOR_WORDS:
            self._operates(token.word)
            return True
        if following.text == "(" or following.word in _AFTER_AGGREGATION:
            self.function = token.word
            return not self.has_operand
        if token.word in NUMBERS:
            return self._begins_operand()
        if following.kind == "braces":
            return self._selects(token.text, token.start, following.end, after)
        return self._selects(token.text, token.start, token.end, following)

    def _takes_mark(self, mark: str) -> bool:
        if mark == ")":
            self.has_operand = True
            return bool(self.around) and self.around.pop() is not None
        if mark == "(":
            fits = not self.has_operand and len(self.around) < _MOST_LEVELS
            self.around.append(self.function)
            self.function = ""
        else:
            fits = True
            self._operates(mark)
        self.has_operand = False
        return fits

    def _operates(self, operator: str) -> None:
        self.has_operand = False
        if operator == ",":
            return
        self.operators.add(operator)
        if not any(self.around):
            self.outer_operators.append(operator)

    def _selects(self, name: str | None, start: int, end: int, following: _Token) -> bool:
        is_instant = following.kind != "range"
        self.selections.append(Selection(name, start, end, is_instant, tuple(self.around)))
        return self._begins_operand()

    def _begins_operand(self) -> bool:
        fits = not self.has_operand
        self.has_operand = True
        return fits
