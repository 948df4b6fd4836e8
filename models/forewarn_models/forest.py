"""Isolation forests: how few random cuts set a sample apart from others, for many rows at once.

Liu, Ting, Zhou: Isolation Forest (2008), Isolation-Based Anomaly Detection (2012). Good at
combinations of features that are unusual together; blind to how far outside a value lies.

Trees are complete. A leaf above the bottom hands its length down to all of the bottom below it, so
that every path takes equally many steps and no step asks whether it has arrived: a row's trees are
walked side by side, level by level, and memory fetches the next nodes of many of them at a time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from forewarn_models.arrays import AnyArray, FloatArray, IntegerArray
from forewarn_models.compiled import compiled
from forewarn_models.errors import ConfigError, ModelError

# Features, thresholds and lengths: of all rows, of the trees of one row or of one tree.
_Nodes: TypeAlias = tuple[AnyArray, AnyArray, AnyArray]

# Room to grow a tree in: the samples in order of the nodes and as many again, where each node's
# begin and end, and the features in any order.
_Room: TypeAlias = tuple[IntegerArray, IntegerArray, IntegerArray]

_FEWEST_SAMPLES = 2  # that a cut can set apart
_LARGEST = 3e38  # of single precision: values beyond are taken for this


@dataclass(frozen=True, eq=False)
class Forests:
    """Many forests as arrays: complete trees of one height, the children of node i at 2 i + 1, + 2.

    Args:
        feature: (n_rows, n_trees, 2 ** height - 1) int8, or int16 where features are many: which
            one a node asks for; -1 at a leaf and below it.
        threshold: the same shape, float32: values up to it go to the first child.
        length: (n_rows, n_trees, 2 ** height) float32: the path length at each node of the bottom,
            which is the depth of its leaf and the expected length among the samples there.
        size: (n_rows,) samples that each tree was grown from; 0 where a row has no forest.
    """

    feature: AnyArray
    threshold: AnyArray
    length: AnyArray
    size: IntegerArray

    def arrays(self) -> dict[str, AnyArray]:
        """Return everything that is learned, by name."""
        return {
            "feature": self.feature,
            "threshold": self.threshold,
            "length": self.length,
            "size": self.size,
        }


def forests_of(arrays: Mapping[str, AnyArray]) -> Forests:
    """Return the forests whose `arrays` these are."""
    return Forests(arrays["feature"], arrays["threshold"], arrays["length"], arrays["size"])


def grow(tables: FloatArray, *, n_trees: int, sample_size: int = 256, seed: int) -> Forests:
    """Return one forest for each row of `tables`, (n_rows, n_samples, n_features).

    Samples with any NaN are left out. A row with fewer than two others, or in which no feature
    varies, grows no forest; nor does any without trees. Each tree is grown from `sample_size`
    samples, or from all where they are fewer. A row's forest depends on its own table and the seed
    alone: all rows draw the same random numbers. Values are held in single precision, so scale
    features whose level is far larger than their spread.

    Raises ConfigError when a tree has fewer than two samples to grow from.
    """
    if sample_size < _FEWEST_SAMPLES:
        raise ConfigError(
            f"a tree must be grown from at least {_FEWEST_SAMPLES} samples, got {sample_size}"
        )
    n_rows, _, n_features = tables.shape
    n_bottom = 2 ** (sample_size - 1).bit_length()
    shape = n_rows, n_trees, n_bottom - 1
    kind = np.int8 if n_features <= np.iinfo(np.int8).max else np.int16
    nodes = (
        np.full(shape, -1, dtype=kind),
        np.zeros(shape, dtype=np.float32),
        np.zeros((n_rows, n_trees, n_bottom), dtype=np.float32),
    )
    size = np.zeros(n_rows, dtype=np.int64)
    # of each tree: who is sampled, then the feature and the threshold of each node
    chance = np.random.default_rng(seed).random((n_trees, sample_size + 2 * (n_bottom - 1)))
    usual = expected_length(np.arange(sample_size + 1.0))
    if n_trees > 0:
        _grow_rows(np.ascontiguousarray(tables, dtype=np.float64), chance, usual, nodes, size)
    return Forests(*nodes, size)


def isolation(forests: Forests, features: FloatArray) -> FloatArray:
    """Return the anomaly score (eq. 2) of each sample, (n_rows, n_times) in (0, 1].

    `features` is (n_rows, n_times, n_features), those that the forests were grown from. Higher is
    stranger; it is the negative of scikit-learn's `score_samples`. NaN where a feature is NaN or
    the row has no forest.

    Raises ModelError when the rows are not those of the forests.
    """
    if len(features) != len(forests.size):
        raise ModelError(
            f"features must have the forests' {len(forests.size)} rows, got {len(features)}"
        )
    lengths = np.empty(features.shape[:2])
    nodes = forests.feature, forests.threshold, forests.length
    features = np.ascontiguousarray(features, dtype=np.float64)
    _mean_lengths(nodes, forests.size, features, lengths)
    usual = expected_length(np.maximum(forests.size, _FEWEST_SAMPLES).astype(np.float64))
    score: FloatArray = np.exp2(-lengths / usual[:, None])
    return score


def expected_length(n: FloatArray) -> FloatArray:
    """Return the mean path length of unsuccessful searches in a binary tree of `n` (eq. 1).

    >>> expected_length(np.array([1.0, 2.0, 256.0])).round(2)
    array([ 0.  ,  1.  , 10.24])
    """
    many = np.maximum(n, 3.0)
    length = 2.0 * (np.log(many - 1.0) + np.euler_gamma) - 2.0 * (many - 1.0) / many
    out: FloatArray = np.where(n <= 1, 0.0, np.where(n <= 2, 1.0, length))
    return out


@compiled
def _take(features: FloatArray, sample: AnyArray) -> bool:
    """Write the features of one sample in single precision; say whether none of them is NaN."""
    for feature in range(len(features)):
        value = features[feature]
        if np.isnan(value):
            return False
        sample[feature] = np.float32(min(max(value, -_LARGEST), _LARGEST))
    return True


@compiled
def _grow_rows(
    tables: FloatArray, chance: FloatArray, usual: FloatArray, nodes: _Nodes, size: IntegerArray
) -> None:
    feature, threshold, length = nodes
    n_rows, n_samples, n_features = tables.shape
    whole = np.empty((n_samples, n_features), dtype=np.float32)
    for row in range(n_rows):
        n = 0
        for place in range(n_samples):
            if _take(tables[row, place], whole[n]):
                n += 1
        if n >= _FEWEST_SAMPLES and _varies(whole, n):
            size[row] = min(n, len(usual) - 1)
            own = feature[row], threshold[row], length[row]
            _grow_row(whole[:n], size[row], chance, usual, own)


@compiled
def _varies(whole: AnyArray, n: int) -> bool:
    for place in range(1, n):
        for feature in range(whole.shape[1]):
            if whole[place, feature] != whole[0, feature]:
                return True
    return False


@compiled
def _grow_row(
    whole: AnyArray, size: int, chance: FloatArray, usual: FloatArray, nodes: _Nodes
) -> None:
    feature, threshold, length = nodes
    n, n_features = whole.shape
    shuffled, drawn = np.arange(n), np.empty((n_features, size), dtype=np.float32)
    held = np.empty((2 * length.shape[1], 2), dtype=np.int64)
    room = np.empty((2, size), dtype=np.int64), held, np.arange(n_features)
    for tree in range(len(feature)):
        for place in range(size):
            other = place + int(chance[tree, place] * (n - place))
            sample = shuffled[other]
            shuffled[other], shuffled[place] = shuffled[place], sample
            for column in range(n_features):
                drawn[column, place] = whole[sample, column]
        cuts = chance[tree, len(usual) - 1 :]
        _grow_tree(drawn, cuts, usual, (feature[tree], threshold[tree], length[tree]), room)


@compiled
def _grow_tree(
    drawn: AnyArray, cuts: FloatArray, usual: FloatArray, nodes: _Nodes, room: _Room
) -> None:
    """Write one tree, level by level, until samples are alone, alike or as deep as they may lie."""
    length = nodes[2]
    order, held, _ = room
    size, n_bottom = drawn.shape[1], len(length)
    for place in range(size):
        order[0, place] = place
    held[:] = 0
    held[0, 1] = size
    depth, level = 0, 1
    while level <= n_bottom:
        below = n_bottom // level
        for place in range(level):
            node = level - 1 + place
            n = held[node, 1] - held[node, 0]
            is_cut = n > 1 and level < size and _cut(drawn, node, cuts, nodes, room)
            if n > 0 and not is_cut:
                length[place * below : (place + 1) * below] = depth + usual[n]
        depth, level = depth + 1, 2 * level


@compiled
def _cut(drawn: AnyArray, node: int, cuts: FloatArray, nodes: _Nodes, room: _Room) -> bool:
    """Cut a node's samples in two; say whether any feature varies among them."""
    order, held, features = room
    begin, end = held[node, 0], held[node, 1]
    chosen, low, high = _varying(drawn, order[0, begin:end], cuts[2 * node], features)
    if chosen < 0:
        return False
    threshold = np.float32(low + cuts[2 * node + 1] * (high - low))
    if threshold >= high:  # it was rounded up: nothing would lie beyond
        threshold = np.float32(low)
    nodes[0][node], nodes[1][node] = chosen, threshold
    middle = _part(drawn[chosen], threshold, order, begin, end)
    held[2 * node + 1, 0], held[2 * node + 1, 1] = begin, middle
    held[2 * node + 2, 0], held[2 * node + 2, 1] = middle, end
    return True


@compiled
def _varying(
    drawn: AnyArray, samples: IntegerArray, chance: float, features: IntegerArray
) -> tuple[int, float, float]:
    """Return a feature that varies among some samples, each as likely, and its range; -1 if none.

    What `chance` has left after it chose one of the features chooses among the others.
    """
    for n in range(len(features), 0, -1):
        place = int(chance * n)
        chance = chance * n - place
        chosen = features[place]
        low = high = drawn[chosen, samples[0]]
        for sample in samples:
            value = drawn[chosen, sample]
            low, high = min(low, value), max(high, value)
        if low < high:
            return chosen, np.float64(low), np.float64(high)
        features[place], features[n - 1] = features[n - 1], chosen
    return -1, np.float64(0.0), np.float64(0.0)


@compiled
def _part(
    values: AnyArray, threshold: np.float32, order: IntegerArray, begin: int, end: int
) -> int:
    """Put the samples up to the threshold first; return where the others begin."""
    n = 0
    for place in range(begin, end):  # both are written, so that no branch has to be guessed
        sample = order[0, place]
        order[0, place - n] = order[1, n] = sample
        n += values[sample] > threshold
    for place in range(n):
        order[0, end - n + place] = order[1, place]
    return end - n


@compiled
def _mean_lengths(
    nodes: _Nodes, size: IntegerArray, features: FloatArray, lengths: FloatArray
) -> None:
    feature, threshold, length = nodes
    n_rows, n_times, n_features = features.shape
    sample = np.empty(n_features, dtype=np.float32)
    at = np.empty(feature.shape[1], dtype=np.int64)
    for row in range(n_rows):
        own = feature[row], threshold[row], length[row]
        for time in range(n_times):
            if size[row] > 0 and _take(features[row, time], sample):
                lengths[row, time] = _mean_length(own, sample, at)
            else:
                lengths[row, time] = np.nan


@compiled
def _mean_length(nodes: _Nodes, sample: AnyArray, at: IntegerArray) -> float:
    """Return the mean path length of a sample; `at` is room for where it is in each tree."""
    feature, threshold, length = nodes
    n_trees, n_bottom = length.shape
    at[:] = 0
    level = 1
    while level < n_bottom:
        for tree in range(n_trees):
            node = at[tree]
            # below a leaf any way is right: asking for feature -1 does no harm
            at[tree] = 2 * node + 1 + (sample[feature[tree, node]] > threshold[tree, node])
        level *= 2
    total = 0.0
    for tree in range(n_trees):
        total += float(length[tree, at[tree] - n_bottom + 1])
    return float(total / n_trees)
