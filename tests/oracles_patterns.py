"""The plain version of `forewarn_models.patterns.scanning.tokens_of`: regular expressions.

Tokens are drawn as one character each: a blank, a delimiter as it is, and a letter for others. So
what joins what is written as expressions on the drawing.
"""

import re
from dataclasses import dataclass, replace

from forewarn_models.patterns import layout, lexicon

WORD, NUMBER, IDENTIFIER, PATH, HOST, REMARK = "wniphr"
VALUES, LISTED = "niph", "iph"
KINDS = {
    layout.SPACE: " ",
    layout.WORD: WORD,
    layout.NUMBER: NUMBER,
    layout.IDENTIFIER: IDENTIFIER,
    layout.PATH: PATH,
    layout.HOST: HOST,
    layout.REMARK: REMARK,
}

_INNER = r"[A-Za-z0-9_$\x80-\xff]"
_SPLIT = re.compile(
    rf"(?P<blank>(?:\x1b\[[\x1c-?]*[^\x1c-?]?|[\x00-\x20\x7f])+)"
    rf"|(?P<piece>(?:[-+](?=[0-9]))?{_INNER}(?:{_INNER}|[-.+~](?={_INNER}))*)|(?P<other>.)",
    re.DOTALL,
)
_PIECE, _VALUE = "[wniph]", "[niph]"
_STRONG = r"=,;()\[\]{}\"'<>|"
_PATH_END = re.compile(rf"(?:[^ {_STRONG}:?]|:n)*(?:\?(?:[^ ;()\[\]{{}}\"'<>|:]|:n)*)?")
_URL_END = re.compile(r"[^ ()\[\]{}\"'<>|]*")
_COUNTRY = re.compile(r".+\..+\.(?![a-z]{2}.)[g-za-f\x80-\xff]{2}", re.DOTALL)


@dataclass(frozen=True)
class Token:
    kind: str
    begin: int
    end: int
    text: str

    def has(self, category: int) -> bool:
        """Whether the word is one of the lexicon's, in this category."""
        words = lexicon._WORDS
        return any(
            self.text in words[known].split() for known in words if known & category
        ) and not re.search("[0-9]", self.text)


def tokens(line: bytes) -> list[Token]:
    """The tokens of a line that is shorter than the most that takes part."""
    text = line.decode("latin-1")
    return _read(text, _joined(_pieces(text)))


def _pieces(text: str) -> list[Token]:
    found: list[Token] = []
    for match in _SPLIT.finditer(text):
        begin, end = match.span()
        if match["blank"]:
            if found and end < len(text):
                found.append(Token(" ", end - 1, end, " "))
        elif match["piece"]:
            found += _piece(text, begin, match[0])
        else:
            found.append(Token(match[0], begin, end, match[0]))
    return found


def _piece(text: str, begin: int, piece: str) -> list[Token]:
    end = begin + len(piece)
    numbered = re.fullmatch(r"(\D*[A-Za-z_$\x80-\xff]\D*)\.([0-9]+)", piece, re.DOTALL)
    if numbered and not re.search(r"[0-9]", numbered[1]):
        dot = begin + len(numbered[1])
        return [
            Token(WORD, begin, dot, numbered[1]),
            Token(".", dot, dot + 1, "."),
            Token(NUMBER, dot + 1, end, numbered[2]),
        ]
    return [Token(_kind(piece, text[end : end + 1]), begin, end, piece)]


def _kind(piece: str, following: str) -> str:
    word = Token(WORD, 0, 0, piece)
    labels = piece.split(".")
    if len(labels) > 1 and not Token(WORD, 0, 0, labels[0]).has(lexicon.REVERSED):
        last = Token(WORD, 0, 0, labels[-1])
        is_country = len(labels) > 2 and re.fullmatch("[a-z\x80-\xff{|}~]{2}", labels[-1])
        if last.has(lexicon.TOP_DOMAIN) or (is_country and not last.has(lexicon.SUFFIX)):
            return HOST
    if not re.search("[0-9]", piece):
        is_hex = re.fullmatch("[a-fA-F]{8,}", piece)
        return IDENTIFIER if is_hex or len(piece) > 64 or word.has(lexicon.VALUE) else WORD
    if not re.match("[0-9.+~-]", piece):
        is_short = re.fullmatch("[A-Za-z]*[0-9][A-Za-z]*", piece) and 2 <= len(piece) <= 9
        if following == "(" or is_short:
            return WORD
    return (
        NUMBER if re.fullmatch(r"[0-9a-fA-F~+-]*(?:\.[0-9a-fA-F~+-]*){0,2}", piece) else IDENTIFIER
    )


def _drawn(found: list[Token]) -> str:
    return "".join(token.kind for token in found)


def _joined(found: list[Token]) -> list[Token]:
    drawn, kept, place = _drawn(found), [], 0
    while place < len(found):
        end, kind = _value(drawn, found, place)
        kept.append(
            Token(kind, found[place].begin, found[end - 1].end, "") if end > place else found[place]
        )
        place = max(end, place + 1)
    return kept


def _value(drawn: str, found: list[Token], place: int) -> tuple[int, str]:
    """Where the value of several tokens ends that begins at `place`, and its kind."""
    if not re.match(_PIECE, drawn[place]):
        return _rooted(drawn, found, place)
    if drawn.startswith(":", place + 1):
        return _with_colon(drawn, found, place)
    if re.compile(f"{_PIECE}/{_PIECE}").match(drawn, place):
        end = _path(drawn, found, place + 1)
        if drawn[place:end].count("/") > 1:
            return end, PATH
    is_address = re.compile(f"{_PIECE}@h").match(drawn, place)
    return (place + 3, IDENTIFIER) if is_address else (place, "")


def _rooted(drawn: str, found: list[Token], place: int) -> tuple[int, str]:
    if drawn.startswith("::", place):
        return _hex_groups(found, place), NUMBER
    root = re.compile(rf"[.~]*(?:/(?=\.?{_PIECE})|\\(?=\\{_PIECE}))").match(drawn, place)
    is_free = place == 0 or not re.match(_PIECE, drawn[place - 1])
    return (_path(drawn, found, root.end() - 1), PATH) if root and is_free else (place, "")


def _with_colon(drawn: str, found: list[Token], place: int) -> tuple[int, str]:
    if drawn.startswith("://", place + 1):
        end = _URL_END.match(drawn, place + 4).end()
        while not re.match(rf"{_PIECE}|/| ", drawn[end - 1]):
            end -= 1
        return _protocol(drawn, found, end), PATH
    if drawn.startswith(":\\", place + 1) and len(found[place].text) == 1:
        return _path(drawn, found, place + 2), PATH
    end = _hex_groups(found, place)
    clock = re.compile(f"{_VALUE}(?::{_VALUE})+").match(drawn, place)
    if end == place and clock is None:
        return place, ""
    kind = NUMBER if end > place or drawn[place] == NUMBER else IDENTIFIER
    end = end if end > place else clock.end()
    is_fraction = drawn[end : end + 2] == ",n" and len(found[end + 1].text) in (3, 6)
    return end + (2 if is_fraction else 0), kind


def _path(drawn: str, found: list[Token], place: int) -> int:
    return _protocol(drawn, found, _PATH_END.match(drawn, place).end())


def _protocol(drawn: str, found: list[Token], end: int) -> int:
    is_named = re.compile(f" w/{_VALUE}").match(drawn, end)
    return end + 4 if is_named and found[end + 1].has(lexicon.PROTOCOL) else end


def _hex_groups(found: list[Token], place: int) -> int:
    end = place
    while end < len(found) and re.fullmatch(":|[0-9a-fA-F]{1,4}", found[end].text):
        end += 1
    while end > place + 1 and found[end - 1].kind == ":":
        end -= 1
    groups = found[place:end]
    n_colons = sum(token.kind == ":" for token in groups)
    has_piece = n_colons < len(groups)
    has_digit = any(token.kind not in (":", WORD) for token in groups)
    is_group = has_piece and n_colons >= 2 and (has_digit or n_colons == 5)
    return end if is_group else place


def _read(text: str, found: list[Token]) -> list[Token]:
    drawn, kept, place = _drawn(found), [], 0
    while place < len(found):
        token, end = found[place], place + 1
        is_alone = not kept or kept[-1].kind == " "
        if token.kind == WORD:
            end = _date_in_words(text, found, place)
            if end == place + 1 and _is_named(kept, found, place):
                token = replace(token, kind=IDENTIFIER)
        elif token.kind == NUMBER:
            is_date = re.match(r".{4}-", text[token.begin : token.end])
            is_long = token.end - token.begin == 10
            if is_date and is_long and drawn[place + 1 : place + 3] == " n":
                end = place + (3 if ":" in _text(text, found[place + 2]) else 1)
        elif is_alone and (remark := re.compile(rf"\({_VALUE}?\)").match(drawn, place)):
            end = remark.end()
            token = replace(token, kind=REMARK)
        if end > place + 1:
            kind = REMARK if token.kind == REMARK else NUMBER
            token = replace(token, kind=kind, end=found[end - 1].end, text="")
        _append(kept, token, is_value=drawn[place] in VALUES)
        place = end
    return kept


def _text(text: str, token: Token) -> str:
    return text[token.begin : token.end]


def _append(kept: list[Token], token: Token, *, is_value: bool) -> None:
    """Append a token, or make the list longer that it goes on."""
    for separators in (" ", ",", ", "):
        before = kept[: -len(separators)]
        is_list = before and _drawn(kept).endswith(separators) and before[-1].kind == token.kind
        if is_value and is_list and token.kind in LISTED:
            kept[len(before) - 1 :] = [replace(before[-1], end=token.end)]
            return
    kept.append(token)


def _date_in_words(text: str, found: list[Token], place: int) -> int:
    end, at, has_month, has_number = place + 1, place, False, False
    if not (found[place].has(lexicon.MONTH) or found[place].has(lexicon.WEEKDAY)):
        return end
    while at < len(found):
        token = found[at]
        said = _text(text, token)
        is_name = token.kind == WORD and (token.has(lexicon.MONTH) or token.has(lexicon.WEEKDAY))
        is_part = token.kind == NUMBER and (len(said) in (1, 2, 4) or ":" in said)
        is_zone = token.kind == WORD and has_number and token.has(lexicon.ZONE)
        if not (is_name or is_part or is_zone):
            break
        has_month |= is_name and token.has(lexicon.MONTH)
        has_number |= is_part
        end = at + 1
        separator = re.match(r",? ", _drawn(found[end:]))
        if separator is None:
            break
        at = end + separator.end()
    return end if has_month and has_number else place + 1


def _is_named(kept: list[Token], found: list[Token], place: int) -> bool:
    drawn, after = _drawn(kept), found[place + 1 : place + 5]
    word = found[place]
    if not kept or _drawn(after).startswith("="):
        return False
    for pattern in (r"(w) ?= ?\"?$", r"(w)\": ?\"$"):
        key = re.search(pattern, drawn)
        if key:
            return kept[key.start()].has(lexicon.IDENTITY)
    if not re.search(rf"[^{_STRONG}] $", drawn) or not kept[-2].text:
        return False
    before = kept[-2]
    announced = re.search(r"[hiw] [hiw] $", drawn) and kept[-4].has(lexicon.BEFORE_USER)
    if announced and before.has(lexicon.USER) and not word.has(lexicon.NO_NAME):
        return True
    if not before.has(lexicon.BEFORE_NAME):
        return False
    is_from = re.match(" w [ih]", _drawn(after)) and after[1].has(lexicon.FROM)
    return word.has(lexicon.ACCOUNT) or bool(is_from)
