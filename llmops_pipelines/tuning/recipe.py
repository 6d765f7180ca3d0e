"""How a model is tuned: every setting that the weights depend on."""

from dataclasses import asdict, dataclass
from typing import Literal

from llmops_pipelines.storage.identity import value_hash

Loss = Literal["multiple_negatives_ranking", "cached_multiple_negatives_ranking", "gist"]
TrainingPrecision = Literal["auto", "bf16", "fp32"]


@dataclass(frozen=True)
class Recipe:
    """`negatives` hard negatives a pair are used, `length` is the tokens of a text that are read while training.

    `evaluations` checkpoints are scored on dev, spread evenly over the steps; the best is kept where it gains more than
    `min_gain` nDCG@10 over the base, of at least `min_dev` dev questions. At least `min_neighbours` of the ten nearest
    passages of a passage must be those of the base. `lora_rank` 0 trains all weights.
    """

    loss: Loss = "gist"
    epochs: int = 1
    batch: int = 32
    learning_rate: float = 2e-5
    warmup: float = 0.1
    negatives: int = 1
    length: int = 128
    precision: TrainingPrecision = "auto"
    lora_rank: int = 0
    seed: int = 42
    evaluations: int = 3
    min_dev: int = 30
    min_gain: float = 0.0
    min_neighbours: float = 0.5

    @property
    def identity(self) -> str:
        return value_hash(asdict(self))
