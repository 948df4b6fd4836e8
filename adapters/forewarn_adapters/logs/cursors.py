"""What sources say of a cursor that is none of theirs."""

from collections.abc import Iterator
from contextlib import contextmanager

from forewarn_models.errors import SourceRejected


@contextmanager
def reading_cursor() -> Iterator[None]:
    """Raise SourceRejected where a cursor lacks something, or holds something else."""
    try:
        yield
    except (KeyError, TypeError, ValueError) as broken:
        raise SourceRejected(
            "a cursor must be one that this source gave, got something else: give the source "
            "another `name`, or forget where it stood"
        ) from broken
