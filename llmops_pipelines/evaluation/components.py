"""Connected components, and dealing them to parts: what belongs together is never split."""

from collections.abc import Mapping, Sequence


def components(size: int, pairs: Sequence[tuple[int, int]]) -> list[int]:
    """The component label of each of `size` nodes that `pairs` connect."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    rows, columns = zip(*pairs, strict=True) if pairs else ((), ())
    _, labels = connected_components(coo_array(([1] * len(pairs), (rows, columns)), shape=(size, size)), directed=False)
    return [int(label) for label in labels]


def deal(members: Sequence[Sequence[str]], shares: Mapping[str, float]) -> dict[str, str]:
    """The part of every name in `members` (lists of names that stay together).

    The lists are dealt largest first to the part that lacks most, so that the parts come as near to their `shares` of
    the names as whole lists allow. Depends on the names, not on their order.
    """
    total = sum(len(names) for names in members)
    size = dict.fromkeys(shares, 0)
    assigned: dict[str, str] = {}
    for names in sorted((sorted(names) for names in members), key=lambda names: (-len(names), names[0])):
        part = max(shares, key=lambda part: (shares[part] * total - size[part], shares[part]))
        size[part] += len(names)
        assigned |= dict.fromkeys(names, part)
    return assigned
