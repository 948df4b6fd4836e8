"""Matches of rules counted by correlation rules, and what those find counted by others."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from forewarn_adapters.security.record import Record
from forewarn_adapters.security.rules import CorrelationRule
from forewarn_models.contract import State
from forewarn_models.security.windows import Key, Windows

_MOST_CHARACTERS = 256


@dataclass(frozen=True, slots=True)
class Seen:
    """A match that correlations may count.

    Args:
        rule_id: of what rule.
        where: the source, service and host of its line.
        record: its line.
        nanoseconds: its time.
    """

    rule_id: str
    where: Key
    record: Record
    nanoseconds: int


@dataclass(frozen=True, slots=True)
class Found:
    """That a correlation holds.

    Args:
        rule: which.
        groups: names and values of the fields that its matches share, one after another.
        count: on how many lines it rests.
        evidence: lines that came before.
    """

    rule: CorrelationRule
    groups: Key
    count: int
    evidence: tuple[str, ...]


class Correlator:
    """The correlation rules and what they remember, in bounded memory."""

    def __init__(self, rules: tuple[CorrelationRule, ...], *, most_keys: int) -> None:
        self._windows = {
            rule.facts.rule_id: Windows(rule.window, most_keys=most_keys) for rule in rules
        }
        self._counting: dict[str, list[CorrelationRule]] = {}
        for rule in rules:
            for counted in dict.fromkeys(rule.of):
                self._counting.setdefault(counted, []).append(rule)

    def see(self, seen: Seen) -> Iterator[Found]:
        """Yield the correlations that hold now that a match was seen, each once."""
        waiting = [(seen.rule_id, seen.record.repeats)]
        while waiting:
            rule_id, times = waiting.pop(0)
            for rule in self._counting.get(rule_id, ()):
                found = self._count(rule, rule_id, seen, times)
                if found is not None:
                    yield found
                    waiting.append((rule.facts.rule_id, 1))

    def states(self) -> dict[str, State]:
        """Return what each rule remembers, by its id."""
        return {rule_id: windows.state() for rule_id, windows in self._windows.items()}

    def absorb(self, rule_id: str, state: State) -> None:
        """Take over what a rule remembered; of a rule that is gone, nothing."""
        if rule_id in self._windows:
            self._windows[rule_id].absorb(state)

    def _count(self, rule: CorrelationRule, of: str, seen: Seen, times: int) -> Found | None:
        groups = _groups(rule, of, seen.record)
        kind = _kind(rule, of, seen.record)
        if groups is None or kind is None:
            return None
        windows = self._windows[rule.facts.rule_id]
        # Counted over all hosts and services of a source: whoever tries one door tries the next.
        key = (seen.where[0], *groups)
        count = windows.see(key, seen.nanoseconds, kind=kind, times=times)
        if windows.wants_evidence(key) and seen.record.evidence not in windows.evidence(key):
            windows.evidence(key).append(seen.record.evidence)
        return Found(rule, groups, count, tuple(windows.evidence(key))) if count else None


def _groups(rule: CorrelationRule, of: str, record: Record) -> Key | None:
    """Return names and values of the group; None where the line lacks one of them."""
    groups: list[str] = []
    for name in rule.group_by:
        value = record.value(rule.names.get((name, of), name))
        if not value:
            return None
        groups += (name, value[:_MOST_CHARACTERS])
    return tuple(groups)


def _kind(rule: CorrelationRule, of: str, record: Record) -> int | None:
    """Return which of the things to be counted a match is; None where it is none."""
    if rule.window.how == "event_count":
        return 0
    if rule.window.how != "value_count":
        return rule.of.index(of)
    values = [record.value(rule.names.get((name, of), name)) for name in rule.value_fields]
    if None in values:
        return None
    whole = "\0".join(str(value) for value in values).encode("utf-8", "replace")
    return int.from_bytes(hashlib.blake2b(whole, digest_size=8).digest(), "little", signed=True)
