"""Lines of a batch held against Sigma rules: most are passed over by their bytes alone."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from forewarn_adapters.logs.batch import LogBatch
from forewarn_adapters.security.prefilter import Prefilter
from forewarn_adapters.security.record import FieldsOf, Record
from forewarn_adapters.security.rules import LineRule, SecurityRules
from forewarn_models.arrays import BooleanArray, IntegerArray


@dataclass(frozen=True, slots=True)
class LineMatch:
    """A line that matches rules.

    Args:
        place: of the line in its batch.
        record: what it says.
        rules: those that it matches.
    """

    place: int
    record: Record
    rules: tuple[LineRule, ...]


class Matcher:
    """Rules, and the words by which their lines are found."""

    def __init__(self, rules: SecurityRules) -> None:
        self._rules = rules.lines
        self._prefilter = Prefilter([rule.literals for rule in rules.lines])
        # Where words are not enough: rules without any, and those of a stream that names no
        # program in its lines.
        self._by_stream = [
            place
            for place, rule in enumerate(rules.lines)
            if rule.literals is None or (rule.is_slow and rule.about.programs)
        ]

    def match(self, batch: LogBatch, *, fields_of: FieldsOf | None = None) -> Iterator[LineMatch]:
        """Yield the lines that match, in their order, each with all rules that it matches.

        Args:
            batch: lines.
            fields_of: the fields of a line in a form that is not known here.
        """
        lines, rules = self._candidates(batch)
        bounds = np.flatnonzero(np.diff(lines, prepend=-1, append=-1))
        for first, last in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
            place = int(lines[first])
            record = _record(batch, place, fields_of)
            matching = tuple(
                rule
                for rule in (self._rules[number] for number in rules[first:last].tolist())
                if rule.condition.holds(record) and rule.about.holds(record)
            )
            if matching:
                yield LineMatch(place, record, matching)

    def _candidates(self, batch: LogBatch) -> tuple[IntegerArray, IntegerArray]:
        lines, rules = self._prefilter.candidates(batch.lines)
        if not self._by_stream:
            return lines, rules
        pairs = [lines * len(self._rules) + rules]
        for number in self._by_stream:
            places = np.flatnonzero(self._is_of(batch, self._rules[number]))
            pairs.append(places * len(self._rules) + number)
        whole = np.unique(np.concatenate(pairs))
        return whole // len(self._rules), whole % len(self._rules)

    def _is_of(self, batch: LogBatch, rule: LineRule) -> BooleanArray:
        if rule.literals is None and not rule.about.programs:
            return np.ones(batch.n_lines, dtype=np.bool_)
        meant = [rule.about.may_be_all_of(stream) for stream in batch.streams]
        return np.array([*meant, False], dtype=np.bool_)[batch.stream]


def _record(batch: LogBatch, place: int, fields_of: FieldsOf | None) -> Record:
    stream = batch.streams[int(batch.stream[place])]
    return Record(_cut(batch.lines, place), _cut(batch.messages, place), stream, fields_of)


def _cut(lines: tuple[bytes, IntegerArray], place: int) -> bytes:
    begin, end = lines[1][place].tolist()
    return lines[0][begin:end]
