"""Components by hand and against union-find; dealing keeps lists together and comes near the shares."""

from hypothesis import given, settings
from hypothesis import strategies as st

from llmops_pipelines.evaluation.components import components, deal

SHARES = {"train": 0.6, "dev": 0.2, "test": 0.2}

graphs = st.integers(0, 14).flatmap(
    lambda size: st.tuples(
        st.just(size),
        st.lists(st.tuples(st.integers(0, size - 1), st.integers(0, size - 1)), max_size=12) if size else st.just([]),
    )
)


def joined(size: int, pairs: list[tuple[int, int]]) -> list[set[int]]:
    """The set of nodes that each node is connected with, by merging sets."""
    sets = [{node} for node in range(size)]
    for a, b in pairs:
        merged = sets[a] | sets[b]
        for node in merged:
            sets[node] = merged
    return sets


@settings(deadline=None, max_examples=150)
@given(graphs)
def test_nodes_have_one_label_where_a_path_joins_them(drawn: tuple[int, list[tuple[int, int]]]) -> None:
    size, pairs = drawn
    labels = components(size, pairs)
    assert len(labels) == size
    sets = joined(size, pairs)
    assert all((labels[a] == labels[b]) == (b in sets[a]) for a in range(size) for b in range(size))


def test_no_pairs_and_repeated_pairs() -> None:
    assert components(0, []) == []
    assert components(3, []) == [0, 1, 2]
    assert components(4, [(3, 1), (3, 1), (1, 3), (2, 2)]) == [0, 1, 2, 1]


def lists_of(sizes: list[int]) -> list[list[str]]:
    return [[f"m{i:02}x{n}" for n in range(size)] for i, size in enumerate(sizes)]


@settings(deadline=None, max_examples=150)
@given(st.lists(st.integers(1, 12), max_size=40), st.randoms(use_true_random=False))
def test_lists_stay_together_in_any_order_and_shares_are_met_but_for_a_list(sizes: list[int], chance) -> None:
    members = lists_of(sizes)
    parts = deal(members, SHARES)
    assert sorted(parts) == sorted(name for names in members for name in names)
    assert all(len({parts[name] for name in names}) == 1 for names in members)
    shuffled = [chance.sample(names, len(names)) for names in chance.sample(members, len(members))]
    assert deal(shuffled, SHARES) == parts
    counts = {part: sum(found == part for found in parts.values()) for part in SHARES}
    # A part is dealt to while it lacks something, so it is over its share by less than one list.
    assert all(counts[part] - share * len(parts) < max(sizes, default=1) for part, share in SHARES.items())
    assert all(share * len(parts) - counts[part] < 2 * max(sizes, default=1) for part, share in SHARES.items())


def test_single_names_are_dealt_exactly() -> None:
    parts = list(deal(lists_of([1] * 50), SHARES).values())
    assert [parts.count(part) for part in SHARES] == [30, 10, 10]
    assert deal([], SHARES) == {}


def test_one_large_list_goes_to_the_largest_part_and_leaves_the_others_what_is_left() -> None:
    parts = deal(lists_of([1, 9, 1]), SHARES)
    assert {parts[f"m01x{n}"] for n in range(9)} == {"train"}
    assert {parts["m00x0"], parts["m02x0"]} == {"dev", "test"}
