"""Splits documents into train, dev and test so that no part has seen another's text."""

from collections import defaultdict
from collections.abc import Mapping

from llmops_pipelines.evaluation.near_text import near_pairs

SHARES = {"train": 0.6, "dev": 0.2, "test": 0.2}
NEAR = 0.6


def split_documents(texts: Mapping[str, str], parents: Mapping[str, str]) -> dict[str, str]:
    """The part of every document, by doc_id.

    Documents of one parent (module, folder) stay together, and so do parents that hold nearly equal texts (Jaccard of
    three-word shingles at least 0.6): the unit is the connected component. Components are dealt largest first to the
    part that lacks most, so that the parts come as near to 60, 20 and 20 % as whole components allow.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    names = sorted(set(parents.values()))
    position = {name: i for i, name in enumerate(names)}
    pairs = [(position[parents[a]], position[parents[b]]) for a, b in near_pairs(texts, NEAR)]
    rows, columns = zip(*pairs, strict=True) if pairs else ((), ())
    graph = coo_array(([1] * len(pairs), (rows, columns)), shape=(len(names), len(names)))
    _, labels = connected_components(graph, directed=False)

    components: dict[int, list[str]] = defaultdict(list)
    for doc_id in sorted(texts):
        components[int(labels[position[parents[doc_id]]])].append(doc_id)
    assigned: dict[str, str] = {}
    size = dict.fromkeys(SHARES, 0)
    for members in sorted(components.values(), key=lambda members: (-len(members), members[0])):
        part = max(SHARES, key=lambda part: (SHARES[part] * len(texts) - size[part], SHARES[part]))
        size[part] += len(members)
        assigned |= dict.fromkeys(members, part)
    return assigned
