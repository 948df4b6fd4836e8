"""One line of a log as Sigma rules see it: its text and its fields, each found when asked for."""

from collections.abc import Callable, Mapping
from functools import cached_property

from forewarn_adapters.logs.batch import LogStream
from forewarn_adapters.security.extraction import FIELDS, Extracted, extracted
from forewarn_models.patterns.secrets import without_secrets
from forewarn_models.patterns.text import readable

# Fields of a line in a format that is not told here; what enrichment of logs gives.
_MOST_BYTES = 16_384
_MOST_EVIDENCE_BYTES = 512
HOST_NAMES = frozenset({"host", "host.name", "hostname", "computer"})
PROGRAM_NAMES = frozenset({"program", "process.name", "service", "service.name"})
_ADDRESS, _ACCOUNT = ("src_ip", "c-ip"), ("user", "cs-username", "target_user")
# What public rules and ECS call the fields that are found in text here.
_ALSO: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("src_ip", "c-ip", "source.ip", "client.ip", "client_ip"), _ADDRESS),
    **dict.fromkeys(("SourceIp", "SourceIP", "SourceAddress", "source_ip"), _ADDRESS),
    **dict.fromkeys(("user", "user.name", "user_name", "username", "User"), _ACCOUNT),
    **dict.fromkeys(("DestinationPort", "destination.port"), ("dst_port",)),
    **dict.fromkeys(("DestinationIp", "destination.ip"), ("dst_ip",)),
}
_OF_ANY_TEXT = {"message", "level", "trace_id", "time"}

FieldsOf = Callable[[bytes], Mapping[str, str]]


class Record:
    """A line, who wrote it, and what it says.

    Args:
        line: as it came.
        message: the part of it that follows a header, the line itself where nothing was cut off.
        stream: who wrote it, as far as the source knows.
        fields_of: asked for fields where the line is in no form that is known here.
    """

    def __init__(
        self, line: bytes, message: bytes, stream: LogStream, fields_of: FieldsOf | None = None
    ) -> None:
        self.line = line
        self.message = message
        self.stream = stream
        self._fields_of = fields_of

    @cached_property
    def text(self) -> str:
        """The line; of a very long one its beginning."""
        return self.line[:_MOST_BYTES].decode("utf-8", "replace")

    @cached_property
    def extracted(self) -> Extracted:
        found = extracted(self.line, self.message, self.stream.service)
        if self._fields_of is not None and not found.kinds:
            given = self._fields_of(self.line)
            kinds = frozenset((FIELDS,)) if given.keys() - _OF_ANY_TEXT else found.kinds
            return Extracted(kinds, found.program, {**found.fields, **given}, found.repeats)
        return found

    @property
    def fields(self) -> Mapping[str, str]:
        return self.extracted.fields

    def value(self, name: str) -> str | None:
        """Return a field of a line; where it has none of that name, one that means the same."""
        found = self.fields.get(name)
        if found is not None:
            return found
        if name in HOST_NAMES:
            return self.stream.host or self.fields.get("hostname")
        if name in PROGRAM_NAMES:
            return self.program or None
        return next(
            (self.fields[each] for each in _ALSO.get(name, ()) if each in self.fields), None
        )

    @property
    def program(self) -> str:
        """Who wrote it, in lower case and without its path; empty where nothing says so."""
        return self.extracted.program

    @cached_property
    def evidence(self) -> str:
        """The line as people may see it: cut, with secrets masked."""
        return without_secrets(readable(self.line[:_MOST_EVIDENCE_BYTES]))

    @property
    def repeats(self) -> int:
        """How many lines it stands for: syslog daemons fold equal ones together."""
        return self.extracted.repeats
