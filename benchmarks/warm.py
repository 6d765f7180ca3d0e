"""Imports what the life of a corpus imports, so that a process forked after that begins at once.

No model is loaded and no table is opened here: their threads do not outlive a fork.
"""

import importlib

from tqdm import tqdm

from llmops_pipelines.corpus.cleaning.language import identify
from llmops_pipelines.embedding.model_folder import bundled_model

IMPORTED_LATE = (
    "altair",
    "ftfy",
    "great_expectations",
    "ir_measures",
    "jinja2",
    "lance",
    "lancedb.index",
    "lancedb.query",
    "pandas",
    "scipy.stats",
    "sentence_transformers",
    "transformers.models.bert.modeling_bert",
    "vl_convert",
    "benchmarks.forked_life",
)

for name in IMPORTED_LATE:
    importlib.import_module(name)
_ = bundled_model().fingerprint  # the hash of the weights is kept
tqdm.get_lock()  # made later, in a process that is killed, it would be left behind
identify("the model of languages is loaded")
