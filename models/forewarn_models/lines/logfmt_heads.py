"""Lines of `key=value` pairs."""

from forewarn_models.arrays import AnyArray, IntegerArray
from forewarn_models.compiled import compiled
from forewarn_models.lines.layout import (
    BEGIN,
    BYTE_CLASSES,
    END,
    ESCAPED,
    HOST_BEGIN,
    HOST_END,
    HOST_KEY,
    KIND,
    LEVEL,
    LEVEL_KEY,
    LOGFMT,
    MESSAGE_KEY,
    NAME,
    NANOSECONDS,
    PROGRAM_RANK,
    SERVICE_BEGIN,
    SERVICE_END,
    SERVICE_KEY,
    SERVICE_RANK,
    TIME_KEY,
)
from forewarn_models.lines.places import after_spaces, is_byte_at, next_byte, next_space
from forewarn_models.lines.severity import level_of_word
from forewarn_models.lines.times import epoch_at, time_at
from forewarn_models.lines.web_heads import after_quoted

_EQUALS, _QUOTE, _BACKSLASH = 61, 34, 92
_HASH_START, _HASH_PRIME, _HASH_MASK = 0x811C9DC5, 0x01000193, (1 << 32) - 1
_MOST_KEY_BYTES = 100
_MOST_PAIRS = 200


def hash_of_key(key: str) -> int:
    """Return the number by which a key is known here."""
    value = _HASH_START
    for byte in key.encode():
        value = ((value ^ byte) * _HASH_PRIME) & _HASH_MASK
    return value


@compiled
def logfmt_head(
    data: AnyArray,
    begin: int,
    end: int,
    clock: tuple[int, int],
    keys: IntegerArray,
    head: IntegerArray,
) -> bool:
    """Write what the pairs of a line say, and say whether there is a message, level or time.

    Args:
        data: bytes.
        begin: where the line begins in them.
        end: where it ends.
        clock: now and the local zone, as `time_at` has them.
        keys: (n, 3) hash, role and rank of each key that counts, sorted by hash; of several of one
            role, the one of the lowest rank counts.
        head: (N_COLUMNS,) written to.
    """
    place, n_pairs, is_escaped = after_spaces(data, begin, end), 0, False
    ranks = (PROGRAM_RANK, PROGRAM_RANK)
    message, message_end, is_said = begin, end, False
    while place < end and n_pairs < _MOST_PAIRS:
        key_end, code = _key(data, place, end)
        if key_end == place or not is_byte_at(data, key_end, end, _EQUALS):
            if n_pairs == 0:
                return False
            place = after_spaces(data, next_space(data, place, end), end)
            continue
        value = key_end + 1
        is_quoted = is_byte_at(data, value, end, _QUOTE)
        value += is_quoted
        value_end = after_quoted(data, value, end) if is_quoted else next_space(data, value, end)
        n_pairs += 1
        found = _found(keys, code)
        if found >= 0 and value_end > value:
            role, rank = keys[found, 1], keys[found, 2]
            if role == MESSAGE_KEY and rank < ranks[0]:
                message, message_end, ranks = value, value_end, (rank, ranks[1])
                is_escaped = is_quoted and next_byte(data, value, value_end, _BACKSLASH) < value_end
                is_said = True
            elif role == SERVICE_KEY and rank < ranks[1]:
                head[SERVICE_BEGIN], head[SERVICE_END] = value, value_end
                head[SERVICE_RANK], ranks = rank, (ranks[0], rank)
            else:
                is_said = _note(data, value, value_end, role, clock, head) or is_said
        place = after_spaces(data, value_end + is_quoted, end)
    if not is_said:
        return False
    head[KIND] = ESCAPED if is_escaped else LOGFMT
    head[BEGIN], head[END] = message, message_end
    return True


@compiled
def _note(
    data: AnyArray, begin: int, end: int, role: int, clock: tuple[int, int], head: IntegerArray
) -> bool:
    """Write a level, time or host; say whether it was a level or a time."""
    if role == LEVEL_KEY:
        level = level_of_word(data, begin, end)
        if level and not head[LEVEL]:
            head[LEVEL] = level
            return True
    elif role == TIME_KEY:
        nanoseconds, after = time_at(data, begin, end, clock[0], clock[1])
        if after == begin:
            nanoseconds = epoch_at(data, begin, end)
        if nanoseconds and not head[NANOSECONDS]:
            head[NANOSECONDS] = nanoseconds
            return True
    elif role == HOST_KEY and head[HOST_END] == 0:
        head[HOST_BEGIN], head[HOST_END] = begin, end
    return False


@compiled
def unescape(data: AnyArray, begin: int, end: int, out: AnyArray, place: int) -> int:
    """Write a quoted value without its backslashes, and return where it ends."""
    each = begin
    while each < end:
        byte = data[each]
        if byte == _BACKSLASH and each + 1 < end:
            each += 1
            byte = data[each]
            if byte == 110:
                byte = 10
            elif byte == 116:
                byte = 9
            elif byte == 114:
                byte = 13
        out[place] = byte
        place += 1
        each += 1
    return place


@compiled
def _key(data: AnyArray, begin: int, end: int) -> tuple[int, int]:
    """Return where a key ends, and its number."""
    place, value = begin, _HASH_START
    limit = min(end, begin + _MOST_KEY_BYTES)
    while place < limit and BYTE_CLASSES[data[place]] & NAME:
        value = ((value ^ int(data[place])) * _HASH_PRIME) & _HASH_MASK
        place += 1
    return place, value


@compiled
def _found(keys: IntegerArray, code: int) -> int:
    low, high = 0, len(keys)
    while low < high:
        middle = (low + high) // 2
        if keys[middle, 0] < code:
            low = middle + 1
        else:
            high = middle
    return low if low < len(keys) and keys[low, 0] == code else -1
