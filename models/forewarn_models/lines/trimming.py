"""Lines without what ends them, and no longer than they may be."""

from forewarn_models.arrays import AnyArray, IntegerArray
from forewarn_models.compiled import compiled

_ZERO_BYTE, _LINE_FEED, _RETURN = 0, 10, 13


@compiled
def trim(data: AnyArray, lines: IntegerArray, most_bytes: int) -> tuple[int, int]:
    """Cut line feeds, returns and zero bytes off the ends of lines, and what is too long.

    Lines that are left move to the front of `lines`; those that are empty then are dropped. Returns
    how many are left, and how many were too long.
    """
    n, n_cut = 0, 0
    for line in range(len(lines)):
        begin, end = lines[line, 0], lines[line, 1]
        while end > begin and data[end - 1] in (_ZERO_BYTE, _LINE_FEED, _RETURN):
            end -= 1
        if end - begin > most_bytes:
            end = begin + most_bytes
            n_cut += 1
        lines[n, 0], lines[n, 1] = begin, end
        n += end > begin
    return n, n_cut
