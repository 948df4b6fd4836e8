"""Where the numbers of a line's head lie, and which bytes are what: for all kernels here."""

import numpy as np

from forewarn_models.arrays import AnyArray

# The columns of a table of heads, int64, one row a line. Places are in the bytes of the line.
(
    KIND,
    BEGIN,
    END,
    NANOSECONDS,
    LEVEL,
    SERVICE_BEGIN,
    SERVICE_END,
    HOST_BEGIN,
    HOST_END,
    SERVICE_RANK,
) = range(10)
N_COLUMNS = 10

# What a line turned out to be. Only plain ones can continue the line before them, and those that
# explain it, as PostgreSQL's do; of a titled one, the message is in the line after it.
PLAIN, HEADED, JSON, LOGFMT, ESCAPED, WEB, WHOLE_PART, OPEN_PART, EXPLAINING, TITLED = range(10)

# How lines are to be read; the places of these names in the configuration's list of formats.
FORMATS = (
    *("auto", "line", "json", "logfmt", "cri", "docker"),
    *("syslog", "combined", "python", "java"),
)
AUTO, _LINE, _JSON, AS_LOGFMT, _CRI, _DOCKER, AS_SYSLOG, AS_COMBINED, AS_PYTHON, AS_JAVA = range(10)

# Roles of keys in `key=value`.
MESSAGE_KEY, LEVEL_KEY, TIME_KEY, SERVICE_KEY, HOST_KEY = range(1, 6)

# The rank of a program of syslog, behind every key: the lower of two ranks names the service.
PROGRAM_RANK = 1 << 20

# A head is looked for in so many bytes of a line.
MOST_HEAD_BYTES = 512

_LOWER, _UPPER, _DIGIT, _NAME, _SPACE = 1, 2, 4, 8, 16
LETTER, DIGIT, SPACE = _LOWER | _UPPER, _DIGIT, _SPACE
WORD = LETTER | DIGIT
# Names of loggers, programs, hosts and keys.
NAME = WORD | _NAME


def _classes() -> AnyArray:
    table = np.zeros(256, dtype=np.int64)
    for text, kind in (
        (b"abcdefghijklmnopqrstuvwxyz", _LOWER),
        (b"ABCDEFGHIJKLMNOPQRSTUVWXYZ", _UPPER),
        (b"0123456789", _DIGIT),
        (b"_-.$/@", _NAME),
        (b" \t", _SPACE),
    ):
        table[np.frombuffer(text, dtype=np.uint8)] = kind
    return table


BYTE_CLASSES = _classes()
