"""Security rules watching lines as they come: events for people, counts for series."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from forewarn_adapters.config.log_sources import LogSourceConfig
from forewarn_adapters.logs.batch import LogBatch
from forewarn_adapters.security.correlating import Correlator, Seen
from forewarn_adapters.security.events import SecurityEvent, clean, event_of
from forewarn_adapters.security.matching import LineMatch, Matcher
from forewarn_adapters.security.record import FieldsOf, Record
from forewarn_adapters.security.rules import RuleFacts, SecurityRules
from forewarn_models.contract import State
from forewarn_models.errors import UnknownFormat
from forewarn_models.security.episodes import MOST_EVIDENCE, Episode, Episodes
from forewarn_models.security.windows import Key

KIND, FORMAT_VERSION = "security_watch", 1
OTHER = "other"

_QUIET_NANOSECONDS = 900 * 10**9
_MOST_CHARACTERS = 200
_ADDRESSES = (
    "src_ip", "c-ip", "source.ip", "client.ip", "sourceIPAddress", "remote_addr", "client_ip",
    "rhost", "addr",
)  # fmt: skip
_ACCOUNTS = (
    "user", "target_user", "cs-username", "username", "user.name", "user.username", "acct",
)  # fmt: skip


class Series(NamedTuple):
    """The labels of a counter: no addresses and accounts, of which there is no end."""

    rule: str
    level: str
    source: str
    service: str


@dataclass(slots=True)
class SecurityCount:
    """What was counted for a series.

    Args:
        events: how many events began.
        lines: how many lines they rest on.
    """

    events: int = 0
    lines: int = 0


class SecurityWatch:
    """Rules held against lines, and what goes on: correlations, events, counts.

    Of all that, memory is bounded. `counts` has what the series are made of.

    Args:
        rules: which.
        quiet_nanoseconds: an event has ended when nothing was added for so long, or for the
            timespan of its correlation where that is longer.
        most_services: how many services have series of their own; of the others, the label is
            `other`.
        most_keys: how many addresses, accounts and the like each correlation remembers, those seen
            last.
        most_events: how many may go on at a time; of more, those seen longest ago are ended.
    """

    def __init__(
        self,
        rules: SecurityRules,
        *,
        quiet_nanoseconds: int = _QUIET_NANOSECONDS,
        most_services: int = 1_000,
        most_keys: int = 4_000,
        most_events: int = 10_000,
    ) -> None:
        self.rules = rules
        self.counts: dict[Series, SecurityCount] = {}
        self._matcher = Matcher(rules)
        self._correlator = Correlator(rules.correlations, most_keys=most_keys)
        self._facts = {facts.rule_id: facts for facts in rules.facts()}
        timespans = {
            rule.facts.rule_id: rule.window.timespan_nanoseconds for rule in rules.correlations
        }
        self._quiet = {
            rule_id: max(quiet_nanoseconds, timespans.get(rule_id, 0)) for rule_id in self._facts
        }
        self._episodes = Episodes(most=most_events)
        self._most_services = most_services
        self._services: set[str] = set()
        self._newest: dict[str, int] = {}
        self._arrived = 0
        self._changed: dict[Key, None] = {}

    def take(
        self,
        batch: LogBatch,
        settings: LogSourceConfig,
        *,
        now_nanoseconds: int | None = None,
        fields_of: FieldsOf | None = None,
    ) -> list[SecurityEvent]:
        """Return the events that began, grew or ended with the lines of a batch, as they are now.

        Args:
            batch: the lines.
            settings: of their source.
            now_nanoseconds: what time it is, for lines that do not say, and to end what a silent
                log no longer adds to. Without it, files are read: time is what lines say.
            fields_of: the fields of a line in a form that is not known here.
        """
        self._see_time(batch, settings.name, now_nanoseconds)
        for match in self._matcher.match(batch, fields_of=fields_of):
            nanoseconds = int(batch.timestamp_nanoseconds[match.place])
            nanoseconds = nanoseconds or now_nanoseconds or self._newest[settings.name]
            self._take(match, settings.name, nanoseconds)
        ended = self._episodes.end(
            lambda each: each.is_quiet(self._newest.get(each.key[1], 0), now_nanoseconds)
        )
        changed = [*ended, *self._episodes.of(self._changed)]
        self._changed.clear()
        return [event_of(each, self._facts[each.key[0]]) for each in changed]

    def open(self) -> list[SecurityEvent]:
        """Return the events that go on."""
        return [event_of(each, self._facts[each.key[0]]) for each in self._episodes.open()]

    def state(self) -> Mapping[str, State]:
        """Return what is to be stored, by name."""
        counts = [[*series, each.events, each.lines] for series, each in self.counts.items()]
        parts = {f"window:{name}": each for name, each in self._correlator.states().items()}
        whole = State(KIND, FORMAT_VERSION, {"counts": counts})
        return {"watch": whole, "episodes": self._episodes.state(), **parts}

    def absorb(self, state: Mapping[str, State]) -> None:
        """Take over what was stored; what is of rules that are gone is left out.

        Raises UnknownFormat when it is not a state that this version reads.
        """
        whole = state["watch"]
        if (whole.kind, whole.format_version) != (KIND, FORMAT_VERSION):
            raise UnknownFormat(
                f"a stored watch must be {KIND} {FORMAT_VERSION}, got {whole.kind} "
                f"{whole.format_version}"
            )
        for *labels, events, lines in whole.manifest["counts"]:
            series = self._series(*labels)
            self.counts.setdefault(series, SecurityCount()).events += events
            self.counts[series].lines += lines
        self._episodes.absorb(state["episodes"], of=self._facts)
        for name, part in state.items():
            if name.startswith("window:"):
                self._correlator.absorb(name.removeprefix("window:"), part)

    def _see_time(self, batch: LogBatch, source: str, now_nanoseconds: int | None) -> None:
        """Remember how far a source has come; a line of the future does not count."""
        newest = int(batch.timestamp_nanoseconds.max(initial=0))
        if now_nanoseconds is not None:
            newest = min(newest, now_nanoseconds)
        self._newest[source] = max(newest, self._newest.get(source, 0))
        self._arrived = now_nanoseconds or 0

    def _take(self, match: LineMatch, source: str, nanoseconds: int) -> None:
        record = match.record
        where = (source, *_who(record))
        for rule in match.rules:
            seen = Seen(rule.facts.rule_id, where, record, nanoseconds)
            if rule.facts.is_told:
                self._tell(rule.facts, _groups_of(seen), seen, record.repeats, ())
            for found in self._correlator.see(seen):
                if found.rule.facts.is_told:
                    self._tell(found.rule.facts, found.groups, seen, found.count, found.evidence)

    def _tell(
        self, rule: RuleFacts, groups: Key, seen: Seen, count: int, before: tuple[str, ...]
    ) -> None:
        """Begin an event with `count` lines, or add what was seen to the one that goes on."""
        key = (rule.rule_id, seen.where[0], *groups)
        series = self._series(rule.name, rule.level, *seen.where[:2])
        counted = self.counts.setdefault(series, SecurityCount())
        episode = self._episodes.get(key, seen.nanoseconds)
        if episode is None:
            quiet = self._quiet[rule.rule_id]
            times = (seen.nanoseconds, seen.nanoseconds, quiet, self._arrived)
            evidence = (*before, *_new_evidence(before, seen))
            facts = _facts_of(groups, seen)
            self._episodes.begin(Episode(key, *times, count, facts, evidence))
            counted.events += 1
            counted.lines += count
        else:
            repeats = seen.record.repeats
            more = _new_evidence(episode.evidence, seen)
            self._episodes.grow(
                episode,
                seen.nanoseconds,
                times=repeats,
                evidence=more,
                arrived_nanoseconds=self._arrived,
            )
            counted.lines += repeats
        self._changed[key] = None

    def _series(self, rule: str, level: str, source: str, service: str) -> Series:
        if service not in self._services:
            if len(self._services) >= self._most_services:
                service = OTHER
            self._services.add(service)
        return Series(rule, level, source, service)


def _who(record: Record) -> tuple[str, str]:
    """Return the service and the host of a line, as the source or the line says."""
    service = record.stream.service or record.program
    host = record.stream.host or record.fields.get("hostname", "")
    return service[:_MOST_CHARACTERS], host[:_MOST_CHARACTERS]


def _groups_of(seen: Seen) -> Key:
    """Return by what the matches of a rule for lines are one event."""
    address, account = _first(_ADDRESSES, seen.record.fields), _first(_ACCOUNTS, seen.record.fields)
    _, service, host = seen.where
    return ("service", service, "host", host, "source_address", address, "account", account)


def _facts_of(groups: Key, seen: Seen) -> dict[str, str]:
    """Return what is said of an event.

    Addresses and accounts only where all its lines share them: who is named in the line that was
    one too many has done no more than the others.
    """
    shared = dict(zip(groups[::2], groups[1::2], strict=True))
    _, service, host = seen.where
    facts = {
        "service": service,
        "host": host,
        "source_address": _first(("source_address", *_ADDRESSES), shared),
        "account": _first(("account", *_ACCOUNTS), shared),
    }
    return {**{name: clean(value) for name, value in facts.items()}, "first": str(seen.nanoseconds)}


def _first(names: Sequence[str], fields: Mapping[str, Any]) -> str:
    return next((fields[name][:256] for name in names if fields.get(name)), "")


def _new_evidence(evidence: tuple[str, ...], seen: Seen) -> tuple[str, ...]:
    """Return the line where it is wanted and not there yet."""
    if len(evidence) >= MOST_EVIDENCE or seen.record.evidence in evidence:
        return ()
    return (seen.record.evidence,)
