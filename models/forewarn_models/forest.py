"""Isolation forests: fitted by scikit-learn, held as flat arrays, scored for a panel at once.

Liu, Ting, Zhou (2008), Isolation Forest. Good at combinations of features that are unusual
together; blind to how far outside a value lies, so it is never used alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from forewarn_models.arrays import AnyArray, FloatArray, IntegerArray
from forewarn_models.kernels import Nodes, path_lengths

_SAMPLES_A_TREE = 256  # the paper's choice; more does not isolate better


@dataclass(frozen=True, eq=False)
class Forests:
    """Many forests as arrays.

    Args:
        roots: (n_rows, n_trees) the first node of each tree; -1 where a row has no forest.
        size: (n_rows,) samples that each tree was grown from.
        nodes: of all trees, one after the other.
    """

    roots: IntegerArray
    size: FloatArray
    nodes: Nodes

    def arrays(self) -> dict[str, AnyArray]:
        """Return everything that is learned, by name."""
        return {"roots": self.roots, "size": self.size, **self.nodes._asdict()}


def forests_of(arrays: Mapping[str, AnyArray]) -> Forests:
    """Return the forests whose `arrays` these are."""
    nodes = Nodes(*(arrays[name] for name in Nodes._fields))
    return Forests(arrays["roots"], arrays["size"], nodes)


def grow(samples: Sequence[FloatArray | None], *, n_trees: int, seed: int) -> Forests:
    """Return one forest for each entry of `samples` (n, n_features); None grows none."""
    roots = np.full((len(samples), n_trees), -1, dtype=np.int64)
    size = np.zeros(len(samples))
    trees: list[Nodes] = []
    total = 0
    for row, table in enumerate(samples):
        if table is None or n_trees == 0:
            continue
        size[row] = min(_SAMPLES_A_TREE, len(table))
        for place, tree in enumerate(_grow_one(table, n_trees, seed)):
            roots[row, place] = total
            trees.append(tree._replace(left=tree.left + total, right=tree.right + total))
            total += len(tree.feature)
    return Forests(roots, size, _joined(trees))


def isolation(forests: Forests, features: FloatArray) -> FloatArray:
    """Return the anomaly score of each cell, (n_rows, n_times) in (0, 1]; higher is stranger.

    It is the negative of scikit-learn's `score_samples`. NaN where a feature is NaN or the row
    has no forest.
    """
    lengths = path_lengths(features.astype(np.float32), forests.roots, forests.nodes)
    usual = expected_length(forests.size)[:, None]
    # a tree grown from one sample has no length: scikit-learn gives a half, and so do we
    score: FloatArray = np.exp2(-lengths / np.where(usual > 0, usual, np.inf))
    return score


def expected_length(n: FloatArray) -> FloatArray:
    """Return the mean length of unsuccessful searches in a binary tree of `n` (eq. 1)."""
    many = np.maximum(n, 3.0)
    length = 2.0 * (np.log(many - 1.0) + np.euler_gamma) - 2.0 * (many - 1.0) / many
    out: FloatArray = np.where(n <= 1, 0.0, np.where(n <= 2, 1.0, length))
    return out


def _grow_one(table: FloatArray, n_trees: int, seed: int) -> list[Nodes]:
    from sklearn import config_context
    from sklearn.ensemble import IsolationForest

    forest = IsolationForest(
        n_estimators=n_trees, max_samples=min(_SAMPLES_A_TREE, len(table)), random_state=seed
    )
    # checking arguments tree by tree costs more than growing the trees; these are ours
    with config_context(skip_parameter_validation=True, assume_finite=True):
        forest.fit(table)
    return [_flat(estimator.tree_) for estimator in forest.estimators_]


def _flat(tree: Any) -> Nodes:
    left, right = tree.children_left, tree.children_right
    depth = np.zeros(tree.node_count)
    for node in range(tree.node_count):  # parents stand before their children
        if left[node] >= 0:
            depth[left[node]] = depth[right[node]] = depth[node] + 1.0
    is_leaf = left < 0
    length = np.where(is_leaf, depth + expected_length(tree.n_node_samples.astype(float)), 0.0)
    feature = np.where(is_leaf, -1, tree.feature)
    return Nodes(feature.astype(np.int16), tree.threshold, left.copy(), right.copy(), length)


def _joined(trees: list[Nodes]) -> Nodes:
    kinds = (np.int16, np.float64, np.int32, np.int32, np.float64)
    columns = zip(*trees, strict=True) if trees else [[np.empty(0)]] * len(kinds)
    return Nodes(*(np.concatenate(c).astype(k) for c, k in zip(columns, kinds, strict=True)))


def stacked(parts: Sequence[Forests]) -> Forests:
    """Return the forests of several parts as one, the rows one after the other."""
    used = np.cumsum([0, *(len(part.nodes.feature) for part in parts)])
    roots = [
        np.where(part.roots >= 0, part.roots + shift, -1)
        for part, shift in zip(parts, used, strict=False)
    ]
    nodes = [
        part.nodes._replace(left=part.nodes.left + shift, right=part.nodes.right + shift)
        for part, shift in zip(parts, used, strict=False)
    ]
    size = np.concatenate([part.size for part in parts])
    return Forests(np.concatenate(roots), size, _joined(nodes))
