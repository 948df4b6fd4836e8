"""Which words of a frame vary: a tree of words, in which a node with too many different ones opens.

A node's edges are the words that follow one way through the frame. When a class of its words is
open, they all lie behind one star, and what followed them is merged. A class opens, for good,

- words with a digit and units, when there are two of them;
- values of keys, when there are more than a few;
- other words behind at least one that is fixed, when many of them are followed by the same word,
  and the more words are fixed before, the fewer it takes; or when there are very many.

Each of these holds for a set of lines as soon as it holds for a part of it, and a tree holds what
its lines have in common and no count of them: so it follows from the set of lines that were met,
in whatever order, and merging the trees of two halves gives the tree of the whole. The tests hold
it to that.
"""

from collections import Counter
from collections.abc import Callable, Iterator

from forewarn_models.patterns.shapes import (
    KEYED,
    LEVEL,
    NAME,
    NUMBERED,
    PLAIN,
    STAR,
    UNIT,
    Item,
    Items,
)

# How many different words of a class a node holds before it opens.
_MOST_OF_CLASS = {NUMBERED: 1, UNIT: 1, KEYED: 3}
# The same for other words that the same word follows, by how many words are fixed around: fewer are
# messages that are worded alike, more are names. In the public half of Loghub-2k no position of
# words that are fixed by its labels holds more than seven.
_MOST_FOLLOWED = (48, 24, 12, 8)
_MOST_AT_ALL = 64
_OPENABLE = bytes((PLAIN, NAME, KEYED, NUMBERED, UNIT))


class Node:
    """Where a way through a frame leads to: edges to others, or what is left of a single way.

    Args:
        evidence: how many words before it are fixed, levels left out.
        rest: the items that are left, where only one way was met; None where there are edges.
        row: where the way that ends here is counted; of use with `rest`.
    """

    __slots__ = ("edges", "evidence", "opened", "rest", "row", "star")

    def __init__(self, evidence: int, rest: Items, row: int) -> None:
        self.evidence = evidence
        self.rest: Items | None = rest
        self.row = row
        self.edges: dict[Item, Node] = {}
        self.star: Node | None = None
        self.opened: frozenset[int] = frozenset()


# Told of two rows that are one from now on: the first is counted with the second.
Joined = Callable[[int, int], None]


def insert(root: Node, items: Items, new_row: Callable[[], int], joined: Joined) -> int:
    """Put a way into a tree and return its row, which may be one that other ways have as well.

    Items may be stars, as `ways` gives them: then their classes are opened.
    """
    passed: list[Node] = []
    node, place, is_new = root, 0, False
    while node.rest is None or node.rest != items[place:]:
        _expand(node)
        passed.append(node)
        child = _child(node, items[place], joined)
        if child is None:
            child, is_new = Node(_evidence(node, items[place]), items[place + 1 :], new_row()), True
            _attach(node, items[place], child)
        node, place = child, place + 1
    if is_new:
        for changed, item in zip(reversed(passed), reversed(items[:place]), strict=True):
            _settle(changed, item[:1], joined)
    return node.row


def ways(root: Node) -> Iterator[tuple[Items, int]]:
    """Yield each way through the tree and its row; a star is followed by its classes."""
    open_nodes: list[tuple[Items, Node]] = [((), root)]
    while open_nodes:
        before, node = open_nodes.pop()
        if node.rest is not None:
            yield before + node.rest, node.row
            continue
        open_nodes.extend(((*before, item), child) for item, child in node.edges.items())
        if node.star is not None:
            open_nodes.append(((*before, _star(node)), node.star))


def without(node: Node, rows: set[int]) -> Node | None:
    """Return the tree without the ways of these rows, None where nothing is left."""
    if node.rest is not None:
        return None if node.row in rows else node
    kept = {item: without(child, rows) for item, child in node.edges.items()}
    node.edges = {item: child for item, child in kept.items() if child is not None}
    if node.star is not None:
        node.star = without(node.star, rows)
    return node if node.edges or node.star is not None else None


def _star(node: Node) -> Item:
    return bytes((STAR, *sorted(node.opened)))


def _evidence(node: Node, item: Item) -> int:
    return node.evidence + (item[0] != LEVEL)


def _attach(node: Node, item: Item, child: Node) -> None:
    if item[0] == STAR:
        node.opened |= frozenset(item[1:])
    if item[0] == STAR or item[0] in node.opened:
        node.star = child
    else:
        node.edges[item] = child


def _expand(node: Node) -> None:
    """Make an edge of the first item that is left."""
    if node.rest is not None:
        first, rest = node.rest[0], node.rest[1:]
        node.rest = None
        _attach(node, first, Node(_evidence(node, first), rest, node.row))


def _child(node: Node, item: Item, joined: Joined) -> Node | None:
    if item[0] == STAR:
        _open(node, frozenset(item[1:]), joined)
        return node.star
    return node.star if item[0] in node.opened else node.edges.get(item)


def _settle(node: Node, kinds: bytes, joined: Joined) -> None:
    """Open which of these classes hold too many words by now."""
    if len(node.edges) > 1:
        for kind in kinds:
            if kind != STAR and kind not in node.opened and _is_too_many(node, kind):
                _open(node, frozenset((kind,)), joined)


def _is_too_many(node: Node, kind: int) -> bool:
    if kind == LEVEL or (node.evidence == 0 and kind not in _MOST_OF_CLASS):
        return False
    children = [child for item, child in node.edges.items() if item[0] == kind]
    if kind in _MOST_OF_CLASS or not children:
        return len(children) > _MOST_OF_CLASS.get(kind, 0)
    is_followed = children[0].rest != ()
    most = _MOST_FOLLOWED[min(node.evidence, 3) - 1 + is_followed] // (2 if kind == NAME else 1)
    if len(children) <= most or not is_followed:
        return len(children) > most
    return len(children) > _MOST_AT_ALL or _most_followed_alike(children) > most


def _most_followed_alike(children: list[Node]) -> int:
    """Return how many of them one word may follow; a star is any word."""
    n_stars, counts = 0, Counter[Item]()
    for child in children:
        items = child.edges.keys() if child.rest is None else child.rest[:1]
        if child.star is not None or (child.rest and child.rest[0][0] == STAR):
            n_stars += 1
        else:
            counts.update(items)
    return n_stars + max(counts.values(), default=0)


def _open(node: Node, classes: frozenset[int], joined: Joined) -> None:
    """Put all words of some classes behind the star."""
    node.opened |= classes
    for item in [item for item in node.edges if item[0] in classes]:
        child = node.edges.pop(item)
        node.star = child if node.star is None else _merged(node.star, child, joined)


def _merged(node: Node, other: Node, joined: Joined) -> Node:
    """Return one tree of the ways of two, which are used up."""
    if other.rest is None and node.rest is not None:
        node, other = other, node
    if other.rest is not None:
        row = insert(node, other.rest, lambda: other.row, joined)
        if row != other.row:
            joined(other.row, row)
        return node
    _open(node, other.opened, joined)
    _open(other, node.opened, joined)
    for item, child in other.edges.items():
        held = node.edges.get(item)
        node.edges[item] = child if held is None else _merged(held, child, joined)
    if other.star is not None:
        star = other.star
        node.star = star if node.star is None else _merged(node.star, star, joined)
    _settle(node, _OPENABLE, joined)
    return node
