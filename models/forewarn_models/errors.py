"""The exceptions of Forewarn, one tree.

    ForewarnError
    ├── ConfigError             the configuration is refused; nothing was changed
    ├── DataError               the series cannot be used as they are
    │   └── NotEnoughHistory    too few samples to learn from
    ├── ModelError              a fitted model cannot be used
    │   └── UnknownFormat       its stored form is not one that this version reads
    ├── SourceError             a source of samples did not give a usable answer
    │   ├── SourceTimeout       it did not answer in time
    │   ├── SourceRejected      it answered that it will not (a 4xx: the query is wrong)
    │   └── SourceUnavailable   it is down, answers 5xx, or the circuit breaker is open
    ├── WriteError              scores could not be written out
    ├── RegistryError           MLflow or its store failed
    ├── StoreError              the SQL store, a checkpoint or a journal failed
    │   └── JournalFull         a journal has no room until it was read
    └── AccessDenied            the caller may not do that

Each carries its data as attributes and a `reason`, a short slug that is used as a metric label
and as the code of an API answer. A message says what must hold, what was got, and how to fix it.
Exceptions of other libraries are converted in the packages that call them, with `from`.
"""

from typing import ClassVar


class ForewarnError(Exception):
    """Anything that Forewarn raises on purpose."""

    reason: ClassVar[str] = "error"


class ConfigError(ForewarnError):
    """The configuration is refused whole; `problems` holds every complaint, one line each."""

    reason: ClassVar[str] = "config"

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class DataError(ForewarnError):
    """The series cannot be used as they are."""

    reason: ClassVar[str] = "data"


class NotEnoughHistory(DataError):  # noqa: N818  the name says what is wrong without "Error"
    """No series has enough samples.

    Args:
        what: that needs them.
        needed: how many samples.
        got: how many there are.

    `fact` is the message without its advice, which is for those who have a configuration.
    """

    reason: ClassVar[str] = "not_enough_history"

    def __init__(self, what: str, *, needed: int, got: int) -> None:
        self.fact = f"{what} needs at least {needed} samples of history, got {got}"
        super().__init__(
            f"{self.fact}: lengthen `history`, shorten `step`, or wait until the source holds more"
        )
        self.needed = needed
        self.got = got


class ModelError(ForewarnError):
    """A fitted model cannot be used."""

    reason: ClassVar[str] = "model"


class UnknownFormat(ModelError):  # noqa: N818  as above
    """The stored form of a model is not one that this version reads."""

    reason: ClassVar[str] = "unknown_format"


class SourceError(ForewarnError):
    """A source of samples did not give a usable answer."""

    reason: ClassVar[str] = "source"


class SourceTimeout(SourceError):  # noqa: N818  as above
    """The source did not answer in time."""

    reason: ClassVar[str] = "source_timeout"


class SourceRejected(SourceError):  # noqa: N818  as above
    """The source refused the query; asking again changes nothing."""

    reason: ClassVar[str] = "source_rejected"


class SourceUnavailable(SourceError):  # noqa: N818  as above
    """The source is down, answers with a server error, or its circuit breaker is open."""

    reason: ClassVar[str] = "source_unavailable"


class WriteError(ForewarnError):
    """Scores could not be written out."""

    reason: ClassVar[str] = "write"


class RegistryError(ForewarnError):
    """The model registry failed."""

    reason: ClassVar[str] = "registry"


class StoreError(ForewarnError):
    """The SQL store or a checkpoint failed."""

    reason: ClassVar[str] = "store"


class JournalFull(StoreError):  # noqa: N818  as above
    """A journal has no room for a record until others were read."""

    reason: ClassVar[str] = "journal_full"


class AccessDenied(ForewarnError):  # noqa: N818  as above
    """The caller may not do that."""

    reason: ClassVar[str] = "access_denied"
