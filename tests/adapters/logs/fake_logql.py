"""The part of LogQL that selects lines: a selector, line filters and label filters."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

_STRING = r'("(?:[^"\\]|\\.)*"|`[^`]*`)'
_MATCHER = re.compile(rf"\s*([a-zA-Z_]\w*)\s*(=~|!~|!=|=)\s*{_STRING}\s*(,|(?=\}}))")
_LINE_FILTER = re.compile(rf"(\|=|!=|\|~|!~)\s*{_STRING}")
_LABEL_FILTER = re.compile(rf"\|\s*([a-zA-Z_]\w*)\s*(=~|!~|!=|=)\s*{_STRING}")
_BLANK = re.compile(r"(?:\s|#[^\n]*)*")
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", '"': '"', "\\": "\\"}
EMPTY_COMPATIBLE = (
    "parse error : queries require at least one regexp or equality matcher that does not have an "
    'empty-compatible value. For instance, app=~".*" does not meet this requirement, but '
    'app=~".+" will'
)

Labels = Mapping[str, str]


class ParseError(Exception):
    """The query is none; the text is what Loki would answer."""


@dataclass(frozen=True)
class Query:
    """Which labels of streams are selected, and which lines with which labels pass the stages."""

    selects: Callable[[Labels], bool]
    line_stages: tuple[Callable[[str], bool], ...]
    label_stages: tuple[Callable[[Labels], bool], ...]

    @property
    def has_stages(self) -> bool:
        return bool(self.line_stages or self.label_stages)


def parse(text: str) -> Query:
    matchers, rest = _selector(text)
    lines: list[Callable[[str], bool]] = []
    labels: list[Callable[[Labels], bool]] = []
    place = rest
    while True:
        place = _BLANK.match(text, place).end()
        if place == len(text):
            break
        if found := _LINE_FILTER.match(text, place):
            lines.append(_passes(found[1], _unquoted(found[2])))
        elif found := _LABEL_FILTER.match(text, place):
            labels.append(_matches(found[1], found[2], _unquoted(found[3])))
        else:
            raise ParseError(f"parse error at line 1, col {place + 1}: syntax error")
        place = found.end()
    return Query(
        lambda stream: all(matcher(stream) for matcher in matchers), tuple(lines), tuple(labels)
    )


def _selector(text: str) -> tuple[list[Callable[[Labels], bool]], int]:
    place = _BLANK.match(text).end()
    if text[place : place + 1] != "{":
        raise ParseError("parse error at line 1, col 1: syntax error: unexpected IDENTIFIER")
    place += 1
    matchers = []
    is_bounded = False
    while found := _MATCHER.match(text, place):
        name, sign, value = found[1], found[2], _unquoted(found[3])
        matcher = _matches(name, sign, value)
        is_bounded = is_bounded or not matcher({})
        matchers.append(matcher)
        place = found.end()
    place = _BLANK.match(text, place).end()
    if text[place : place + 1] != "}":
        raise ParseError(
            f"parse error at line 1, col {len(text) + 1}: syntax error: unexpected $end, "
            "expecting } or ,"
        )
    if not is_bounded:
        raise ParseError(EMPTY_COMPATIBLE)
    return matchers, place + 1


def _matches(name: str, sign: str, value: str) -> Callable[[Labels], bool]:
    wanted = sign in {"=", "=~"}
    if sign in {"=", "!="}:
        return lambda labels: (labels.get(name, "") == value) is wanted
    pattern = re.compile(value)
    return lambda labels: bool(pattern.fullmatch(labels.get(name, ""))) is wanted


def _passes(sign: str, value: str) -> Callable[[str], bool]:
    wanted = sign in {"|=", "|~"}
    if sign in {"|=", "!="}:
        return lambda line: (value in line) is wanted
    pattern = re.compile(value)
    return lambda line: bool(pattern.search(line)) is wanted


def _unquoted(text: str) -> str:
    if text[0] == "`":
        return text[1:-1]
    if "\n" in text:
        raise ParseError("parse error: literal not terminated")

    def plain(found: re.Match[str]) -> str:
        escape = found[1]
        if escape[0] == "u" and len(escape) == 5:
            return chr(int(escape[1:], 16))
        if escape not in _ESCAPES:
            raise ParseError("parse error: invalid char escape")
        return _ESCAPES[escape]

    return _ESCAPE.sub(plain, text[1:-1])
