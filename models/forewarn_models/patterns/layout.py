"""Where the numbers of a token lie, and which bytes are what: for all kernels of this package."""

import numpy as np

from forewarn_models.arrays import AnyArray

# The columns of a table of tokens, int64, one row a token.
KIND, BEGIN, END, HASH, CATEGORY = range(5)
N_COLUMNS = 5

# What a token is. Values are all one wildcard in the end; their kinds only say what joins what.
SPACE, DELIMITER, WORD, NUMBER, IDENTIFIER, PATH, HOST, REMARK = range(8)

# A line takes part up to here; what follows is one more value. Lines are rarely longer than a few
# hundred bytes, and a pattern is told apart long before these.
MOST_BYTES = 4096
MOST_TOKENS = 256

# What a byte is.
BLANK, LETTER, HEX_LETTER, DIGIT, CONNECTOR, WEAK, STRONG = range(7)
ESCAPE = 27

# What is counted in a piece, all in one number: digits, letters of hexadecimal, others, dots.
A_DIGIT, A_HEX_LETTER, A_LETTER, A_DOT = 1, 1 << 14, 1 << 28, 1 << 42
DIGITS, HEX_LETTERS, LETTERS = A_HEX_LETTER - 1, A_LETTER - A_HEX_LETTER, A_DOT - A_LETTER


def _classes() -> AnyArray:
    table = np.full(256, WEAK, dtype=np.int64)
    table[:33] = BLANK
    table[127] = BLANK
    table[128:] = LETTER
    for text, kind in (
        (b"ghijklmnopqrstuvwxyzGHIJKLMNOPQRSTUVWXYZ_$", LETTER),
        (b"abcdefABCDEF", HEX_LETTER),
        (b"0123456789", DIGIT),
        (b".-+~", CONNECTOR),
        (b"=,;()[]{}\"'<>|", STRONG),
    ):
        table[np.frombuffer(text, dtype=np.uint8)] = kind
    return table


BYTE_CLASSES = _classes()
# What a byte inside a piece adds to what is counted there, 0 for any other.
BYTE_COUNTS = np.array([0, A_LETTER, A_HEX_LETTER, A_DIGIT, 0, 0, 0], dtype=np.int64)[BYTE_CLASSES]
