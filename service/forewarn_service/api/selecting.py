"""Series that a request chooses with a selector."""

from forewarn_adapters.selectors import chosen, parse_selector
from forewarn_models.arrays import BooleanArray
from forewarn_models.errors import DataError, SourceRejected
from forewarn_models.labels import Labels
from forewarn_service.api.limits import MAX_MATCHERS


def rows_chosen(series: tuple[Labels, ...], match: str | None) -> BooleanArray:
    """Return which series a selector chooses, (n_series,); all without one.

    Raises DataError when it is not a selector, or has too many conditions.
    """
    try:
        matchers = parse_selector(match or "{}")
    except SourceRejected as wrong:
        raise DataError(
            f'`match` must be a selector such as {{instance="web-1"}}, got {match!r}'
        ) from wrong
    if len(matchers) > MAX_MATCHERS:
        raise DataError(f"`match` must have at most {MAX_MATCHERS} conditions, got {len(matchers)}")
    return chosen(matchers, series)
