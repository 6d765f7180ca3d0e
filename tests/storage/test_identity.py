"""Hashes: equal for equal things, different for different ones, and the same on every machine."""

import hashlib

from hypothesis import given, settings
from hypothesis import strategies as st

from llmops_pipelines.storage.identity import merkle_root, text_hash, value_hash

HASHES = st.dictionaries(st.text(max_size=5), st.text("0123456789abcdef", min_size=1, max_size=4), max_size=6)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


def test_text_hash_is_the_sha256_of_the_utf8_bytes():
    assert text_hash("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert text_hash("é") == hashlib.sha256(b"\xc3\xa9").hexdigest()


def test_text_with_a_lone_surrogate_has_a_hash():
    assert text_hash("\ud83d") != text_hash("\ud83e")


def test_value_hash_is_the_sha256_of_compact_json():
    assert value_hash({"b": [1, "é"], "a": None}) == hashlib.sha256('{"a":null,"b":[1,"é"]}'.encode()).hexdigest()


@given(st.dictionaries(st.text(max_size=3), JSON, max_size=5))
def test_value_hash_does_not_depend_on_the_order_of_keys(value):
    assert value_hash(dict(reversed(value.items()))) == value_hash(value)


def typed(value):
    """`value` with its types, so that 1 and True are two things, as they are in JSON."""
    if isinstance(value, dict):
        return {key: typed(inner) for key, inner in value.items()}
    return [typed(inner) for inner in value] if isinstance(value, list) else (type(value).__name__, value)


@settings(max_examples=300)
@given(JSON, JSON)
def test_value_hashes_are_equal_only_for_equal_values(one, other):
    assert (value_hash(one) == value_hash(other)) == (typed(one) == typed(other))


@given(HASHES, st.randoms(use_true_random=False))
def test_merkle_root_does_not_depend_on_order(hashes, random):
    pairs = list(hashes.items())
    random.shuffle(pairs)
    assert merkle_root(pairs) == merkle_root(hashes)


@settings(max_examples=300)
@given(HASHES, HASHES)
def test_merkle_roots_are_equal_only_for_equal_tables(one, other):
    assert (merkle_root(one) == merkle_root(other)) == (one == other)


@given(HASHES.filter(bool), st.data())
def test_merkle_root_changes_when_one_key_goes_or_changes(hashes, data):
    key = data.draw(st.sampled_from(sorted(hashes)))
    assert merkle_root({k: v for k, v in hashes.items() if k != key}) != merkle_root(hashes)
    assert merkle_root({**hashes, key: hashes[key] + "0"}) != merkle_root(hashes)


def test_keys_cannot_be_shifted_into_hashes():
    assert merkle_root({"a": "b:c"}) != merkle_root({"a:b": "c"})
    assert merkle_root({"a": "1\n1:b:2"}) != merkle_root({"a": "1", "b": "2", "c": "3"})
