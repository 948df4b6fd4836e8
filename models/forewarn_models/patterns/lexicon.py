"""Words that logs of any system use alike, and what they say of the word beside them.

A word's categories are bits. The table is looked up by the hash of the word.
"""

import numpy as np

from forewarn_models.arrays import AnyArray

MONTH, WEEKDAY, ZONE = 1, 2, 4
VALUE = 8  # always a value: a truth value, the own host
TOP_DOMAIN = 16  # ends the name of a host
REVERSED = 32  # begins the name of a package, which is no host
SUFFIX = 64  # ends the name of a file, though it is a country's domain as well
ACCOUNT = 128  # accounts that most systems have
USER = 256  # announces the name of an account
BEFORE_USER = 512  # may stand before `user NAME`
BEFORE_NAME = 1024  # may stand before the name of an account that is followed by an address
FROM = 2048
NO_NAME = 4096  # follows `user` without being a name
IDENTITY = 8192  # a key whose value says who or where

PROTOCOL = 16384
SEVERITY = 32768
UNIT_OF_SIZE = 65536  # or of time; others do not change with the number before them

HASH_MASK = (1 << 40) - 1  # times the prime it stays within 63 bits, compiled or not
HASH_PRIME = 0x5BD1E3  # odd, 23 bits
HASH_START = 0x9E3779B97F & HASH_MASK
N_SLOTS = 1024

_LEVELS = (
    "trace debug info information notice warn warning error err severe critical crit alert fatal "
    "emerg emergency panic"
)
_WORDS = {
    MONTH: "Jan Feb Mar Apr May Jun Jul Aug Sep Sept Oct Nov Dec January February March April June "
    "July August September October November December",
    WEEKDAY: "Mon Tue Wed Thu Fri Sat Sun Monday Tuesday Wednesday Thursday Friday Saturday Sunday",
    ZONE: "UTC GMT CET CEST EET EEST BST JST MSK EST EDT CST CDT MST MDT PST PDT",
    VALUE: "true false True False TRUE FALSE localhost",
    TOP_DOMAIN: "com net org edu gov mil int info biz local internal lan localdomain arpa",
    REVERSED: "com org net io edu gov java javax android sun",
    SUFFIX: "py sh so rb rs js ts go cc hh pl pm md gz xz db ps tt vb cs",
    ACCOUNT: "root admin administrator Administrator guest nobody daemon postgres mysql oracle "
    "www-data ubuntu anonymous",
    USER: "user User username account",
    BEFORE_USER: "for invalid illegal unknown Invalid Illegal Unknown by of as from",
    BEFORE_NAME: "for by user User as",
    FROM: "from",
    NO_NAME: "request requests input action error unknown id name agent from with and or is not "
    "has was does authentication space mode data",
    IDENTITY: "user username ruser rhost host hostname addr address server client account login "
    "uid password passwd secret token name",
    PROTOCOL: "HTTP HTTPS RTSP SIP",
    SEVERITY: f"{_LEVELS} {_LEVELS.upper()} {_LEVELS.title()}",
    UNIT_OF_SIZE: "B KB MB GB TB kB KiB MiB GiB TiB ns us ms s",
}


def hash_of(word: bytes) -> int:
    """Return the hash of a word, 40 bits: what the kernels compute byte by byte.

    >>> hash_of(b"user") == hash_of(b"User")
    False
    """
    value = HASH_START
    for byte in word:
        value = ((value ^ byte) * HASH_PRIME) & HASH_MASK
    return value


def _table() -> AnyArray:
    categories: dict[int, int] = {}
    for category, words in _WORDS.items():
        for word in words.split():
            key = hash_of(word.encode())
            categories[key] = categories.get(key, 0) | category
    table = np.zeros((N_SLOTS, 2), dtype=np.int64)
    for key, category in categories.items():
        slot = (key >> 16) % N_SLOTS
        while table[slot, 1]:
            slot = (slot + 1) % N_SLOTS
        table[slot] = key, category
    return table


LEXICON = _table()
