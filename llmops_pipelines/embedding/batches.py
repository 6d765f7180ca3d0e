"""How texts are put into requests without the hosted model's tokenizer: estimated tokens, batches, shares of a bill."""

from collections.abc import Iterator, Sequence

# English has four to five bytes a token, source code three, Chinese and Japanese two to three.
BYTES_PER_TOKEN = 3


def estimated_tokens(text: str) -> int:
    """The tokens of `text`, from its UTF-8 bytes: too many for most text, at most three times too few for any.

    No byte-level tokenizer makes more tokens than bytes. A request that is too large all the same is refused and split.
    """
    return max(1, -(-len(text.encode("utf-8", "surrogatepass")) // BYTES_PER_TOKEN))


def batches(tokens: Sequence[int], most_texts: int, most_tokens: int, alone: int) -> Iterator[list[int]]:
    """Positions in their order, each once: at most `most_texts` and `most_tokens` a batch, one of more tokens by itself.

    A text of more than `alone` tokens has a batch of its own: what the endpoint counts for it is then exact.
    """
    batch: list[int] = []
    total = 0
    for position, count in enumerate(tokens):
        full = len(batch) == most_texts or total + count > most_tokens
        if batch and (full or count > alone or tokens[batch[-1]] > alone):
            yield batch
            batch, total = [], 0
        batch.append(position)
        total += count
    if batch:
        yield batch


def shares(total: int, weights: Sequence[int]) -> list[int]:
    """`total` in whole parts that are proportional to `weights` and add up to it."""
    whole = sum(weights)
    parts: list[int] = []
    seen = given = 0
    for weight in weights:
        seen += weight
        upto = (2 * total * seen + whole) // (2 * whole)
        parts.append(upto - given)
        given = upto
    return parts
