"""What a pattern is made of, its name, and how people read it.

A frame is a line in which words and values are blanked. An item is a word of it and its class, or a
star, which stands for any word of some classes.
"""

from hashlib import blake2b
from typing import TypeAlias

from forewarn_models.patterns.text import readable

# What stands in a frame for a word, a value, and a value in parentheses that may be missing: bytes
# that are blanks in a line, so that no frame is forged.
A_WORD, A_VALUE, A_REMARK = b"\x00", b"\x01", b"\x02"

WILDCARD = "<*>"

# The classes of words, the first byte of each item: a level of severity, a plain word, one that
# looks like a name in a program, the value of a key, a word with a digit, a unit of size or time.
LEVEL, PLAIN, NAME, KEYED, NUMBERED, UNIT = b"LPNKDU"
STAR = ord("*")  # any word of the classes that follow it

Item: TypeAlias = bytes
Items: TypeAlias = tuple[Item, ...]

_ID_BYTES = 8


def template_of(frame: bytes, items: Items) -> str:
    r"""Return a pattern as people read it.

    >>> template_of(b"\x00 \x00 on \x01", (b"Pfailed", b"*P"))
    'failed <*> on <*>'
    """
    parts = frame.split(A_WORD)
    text = parts[0]
    for item, part in zip(items, parts[1:], strict=True):
        if item[0] != STAR:
            text += item[1:]
        elif item[1:] == bytes((UNIT,)) and text.endswith(A_VALUE + b" "):
            text = text[:-1]  # a number and its unit vary together
        else:
            text += A_VALUE
        text += part
    wildcard = WILDCARD.encode()
    return readable(text.replace(A_VALUE, wildcard).replace(A_REMARK, b"(" + wildcard + b")"))


def id_of(frame: bytes, items: Items) -> str:
    """Return the name of a pattern: 16 hexadecimal digits that follow from what it is, and no more.

    Whether a word with a digit or a unit has varied yet makes no difference.
    """
    digest = blake2b(digest_size=_ID_BYTES)
    for part in (frame, *(_canonical(item) for item in items)):
        digest.update(len(part).to_bytes(4, "big") + part)
    return digest.hexdigest()


def _canonical(item: Item) -> bytes:
    classes = item[1:] if item[0] == STAR else item[:1]
    if classes in (bytes((NUMBERED,)), bytes((UNIT,))):
        return b"*" + classes
    return b"*" if item[0] == STAR else item[1:]
