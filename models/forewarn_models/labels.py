"""The identity of a series: its labels."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np

from forewarn_models.arrays import IntegerArray

# Sorted by name and hashable, so that labels can be dictionary keys and compare cheaply.
Labels: TypeAlias = tuple[tuple[str, str], ...]

# A group's own score stands beside its members' under this label (design: one budget per group).
GROUP_LABEL = ("series", "*")


def labels_of(mapping: Mapping[str, str]) -> Labels:
    """Return the labels of a mapping, sorted by name.

    >>> labels_of({"job": "node", "instance": "a:9100"})
    (('instance', 'a:9100'), ('job', 'node'))
    """
    return tuple(sorted(mapping.items()))


def group_of(labels: Labels, names: tuple[str, ...]) -> Labels:
    """Return the labels of the group that a series belongs to: the named ones plus `series="*"`.

    >>> group_of((("device", "sda"), ("instance", "a")), ("instance",))
    (('instance', 'a'), ('series', '*'))
    """
    return tuple(sorted((*(pair for pair in labels if pair[0] in names), GROUP_LABEL)))


def label_text(labels: Labels) -> str:
    """Return labels as PromQL writes them.

    >>> label_text((("job", "node"),))
    '{job="node"}'
    """
    escaped = (
        f'{name}="{value.replace(chr(92), chr(92) * 2).replace(chr(34), chr(92) + chr(34))}"'
        for name, value in labels
    )
    return "{" + ",".join(escaped).replace("\n", "\\n") + "}"


def matched_rows(series: Sequence[Labels], others: Sequence[Labels]) -> IntegerArray:
    """Return (n_series,) which series of another query belongs to each; -1 = none.

    One alone belongs to all; of several, each belongs to the series with its labels.

    >>> matched_rows([(("job", "a"),), (("job", "b"),)], [(("job", "b"),), (("job", "c"),)])
    array([-1,  0])
    """
    if len(others) == 1:
        return np.zeros(len(series), dtype=np.int64)
    place = {labels: row for row, labels in enumerate(others)}
    return np.array([place.get(labels, -1) for labels in series], dtype=np.int64)
