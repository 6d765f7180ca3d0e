"""How large a drop a set of graded items sees: the power of the whole rule, drawn and not summed."""

from llmops_pipelines.drift.answers import changed_grades

SEED = 19_470_607
DRAWS = 400


def power_of_drop(
    items: int,
    drop: float,
    level: float,
    floor: float = 0.0,
    calls: int = 5,
    wavering: float = 0.05,
    draws: int = DRAWS,
) -> float:
    """How likely a share `drop` of the items that go from right to wrong is found: significant at `level`, an effect above
    `floor`, twice in two looks of one call, against one reference of `calls`.

    A share `wavering` of the items is answered right by a coin, before and after; the others always or never (half of
    all that do not waver would leave nothing to drop: nine of ten are right). Raises ValueError where that cannot be.
    """
    import numpy as np

    if not 0 <= drop + wavering <= 0.9:
        raise ValueError(f"a drop of {drop:g} with {wavering:g} wavering is more than the items that are right")
    generator = np.random.default_rng(SEED)
    names = [str(i) for i in range(items)]
    before = np.full(items, 0.0)
    before[: round(items * 0.9)] = 1.0
    after = before.copy()
    after[: round(items * drop)] = 0.0
    unsure = slice(round(items * drop), round(items * drop) + round(items * wavering))
    before[unsure] = after[unsure] = 0.5

    def asked(chances: np.ndarray, repeats: int) -> dict[str, list[bool]]:
        return dict(zip(names, (generator.random((items, repeats)) < chances[:, None]).tolist(), strict=True))

    found = 0
    for _ in range(draws):
        reference = asked(before, calls)
        looks = (changed_grades(reference, asked(after, 1)) for _ in range(2))
        found += all(look.p <= level and abs(look.effect) > floor for look in looks)
    return found / draws
