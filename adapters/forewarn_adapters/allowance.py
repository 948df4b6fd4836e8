"""How many samples one read may give, whatever it is asked."""

import threading

from forewarn_models.errors import SourceRejected

MOST_SAMPLES = 50_000_000


class Allowance:
    """How many samples a read may still take; shared by its parallel parts."""

    def __init__(self, most: int) -> None:
        self._most = self._left = most
        self._lock = threading.Lock()

    def take(self, count: int) -> None:
        """Take `count` samples off; SourceRejected when there are not so many left."""
        with self._lock:
            self._left -= count
            if self._left < 0:
                raise SourceRejected(
                    f"one read must give at most {self._most} samples: "
                    "ask for fewer series, a longer step or less history"
                )
