"""The model card of a tuned model: what it is, what it was made from, how well it does, what it is not good for."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from llmops_pipelines.embedding.model_folder import ModelFolder
from llmops_pipelines.tuning.recipe import Recipe

CARD = """---
library_name: sentence-transformers
pipeline_tag: sentence-similarity
base_model: {base}
license: {licence}
tags: [sentence-transformers, sentence-similarity, feature-extraction]
---

# {name}

A sentence-transformers model: texts of at most {max_tokens} tokens to vectors of length {dimension}.

## Base

{base}, fingerprint `{base_fingerprint}`, licence {licence}.

## Data

Training set `{training_set}` of corpus {corpus}: {train} pairs of question and passage to learn from, {dev} dev questions to
choose the checkpoint by, by source: {sources}. No question of a dev or test part of the corpus is in it, nor a passage that
holds or answers one. The data's licence is that of the corpus.

## Recipe

```json
{recipe}
```

{steps} steps in {seconds:.0f} s; the checkpoint of step {best_step} was best on dev. Libraries: {libraries}.

## Figures

| | base | tuned |
| --- | --- | --- |
| nDCG@10 on the dev part of the training set | {before:.4f} | {after:.4f} |
| ten nearest neighbours of a passage kept | 1 | {neighbours} |

Dev questions are searched in their answers and at most 800 passages of the train part of the training set, not in the whole
corpus. The dev part chose the checkpoint, so its figure flatters. What counts is the evaluation report of the corpus.

## Limits

Tuned for retrieval in corpus {corpus} and nothing else: other texts, other languages and other tasks were not measured. The
limits of the base hold as well.
"""


def model_card(base: ModelFolder, name: str, recipe: Recipe, facts: Mapping[str, Any]) -> str:
    """The card as Markdown. `facts` are the summary of the training."""
    kept = facts["neighbours_kept"]
    return CARD.format(
        name=name,
        base=base.name,
        base_fingerprint=base.fingerprint,
        licence=base.licence,
        max_tokens=base.max_tokens,
        dimension=base.dimension,
        recipe=json.dumps(asdict(recipe), indent=2),
        libraries=", ".join(f"{library} {version}" for library, version in facts["libraries"].items()),
        sources=", ".join(f"{source} {pairs}" for source, pairs in facts["sources"].items()),
        **{
            fact: facts[fact]
            for fact in ("corpus", "training_set", "train", "dev", "steps", "seconds", "best_step", "before", "after")
        },
        neighbours="not measured" if kept is None else f"{kept:.3f}",
    )
