"""When a series counts as gone."""

_PROMETHEUS_FORGETS_AFTER = 300_000  # its own staleness, five minutes


def stale_after_milliseconds(step_milliseconds: int) -> int:
    """Return the age at which the newest sample of a row no longer speaks for now.

    Three steps; for fine steps longer, up to the five minutes after which Prometheus itself
    takes a series for gone.

    >>> stale_after_milliseconds(1_000), stale_after_milliseconds(300_000)
    (60000, 900000)
    """
    return max(3 * step_milliseconds, min(_PROMETHEUS_FORGETS_AFTER, 60 * step_milliseconds))
