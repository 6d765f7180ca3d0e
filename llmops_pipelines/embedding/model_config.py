"""What the JSON files of a sentence-transformers folder mean, whichever release of the library wrote them.

Only what changes vectors is kept: how a model was made, saved and trained is not part of its identity.
"""

from collections.abc import Mapping
from typing import Any

Settings = Mapping[str, Any]

# Where a Transformer module keeps its settings, in the order in which sentence-transformers looks.
TRANSFORMER_SETTINGS = tuple(
    f"sentence_{kind}_config.json"
    for kind in ("bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet")
)

# Of config.json: provenance, training, precision (chosen at load), caching and the labels of a classifier.
_NOT_IN_CONFIG = {
    *("_name_or_path", "transformers_version", "dtype", "torch_dtype", "use_cache", "gradient_checkpointing"),
    *("initializer_range", "initializer_factor", "id2label", "label2id", "problem_type", "finetuning_task"),
    *("return_dict", "output_attentions", "output_hidden_states", "torchscript"),
    *("attn_implementation", "_attn_implementation"),
}

# Of tokenizer_config.json: provenance, decoding, padding, and the window, which `max_tokens` stands for.
_NOT_IN_TOKENIZER_CONFIG = {
    *("name_or_path", "special_tokens_map_file", "tokenizer_file", "is_local", "local_files_only", "backend"),
    *("model_max_length", "max_length", "truncation_side", "truncation_strategy", "stride", "padding", "truncation"),
    *("padding_side", "pad_to_multiple_of", "pad_token_type_id", "clean_up_tokenization_spaces"),
    *("chat_template", "processor_class", "model_input_names", "trust_remote_code"),
}

_POOLING_MODES = {  # by their names in older files, in the order in which several are concatenated
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}

# What newer releases write out and older ones leave unsaid.
_DEFAULTS: dict[str, Settings] = {
    "Transformer": {
        "do_lower_case": False,
        "transformer_task": "feature-extraction",
        "module_output_name": "token_embeddings",
        "modality_config": {"text": {"method": "forward", "method_output_name": "last_hidden_state"}},
    },
    "Normalize": {"module_input_name": "sentence_embedding", "module_output_name": "sentence_embedding"},
}


def module_kind(module: Settings) -> str:
    """The class of an entry of modules.json without its package, which changed between releases."""
    return str(module["type"]).rpartition(".")[2]


def module_settings(kind: str, settings: Settings) -> dict[str, Any]:
    """The settings of a module that change vectors, in one form for all releases. The window is left out."""
    if kind == "Pooling":
        return {
            "modes": pooling_modes(settings),
            "dimension": pooling_dimension(settings),
            "include_prompt": settings.get("include_prompt", True),
        }
    left_out = {"max_seq_length", "unpad_inputs"} if kind == "Transformer" else set()
    defaults = _DEFAULTS.get(kind, {})
    return {
        name: value
        for name, value in settings.items()
        if name not in left_out and not (name in defaults and defaults[name] == value)
    }


def pooling_modes(settings: Settings) -> list[str]:
    """How the vectors of tokens become one; the results of several modes stand one after the other."""
    modes = settings.get("pooling_mode") or [mode for name, mode in _POOLING_MODES.items() if settings.get(name)]
    return [modes] if isinstance(modes, str) else list(modes) or ["mean"]


def pooling_dimension(settings: Settings) -> int | None:
    """The length of a token's vector."""
    return settings.get("embedding_dimension", settings.get("word_embedding_dimension"))


def output_dimension(kind: str, settings: Settings) -> int | None:
    """The length of the vectors that a module gives; None where it leaves them as long as they are."""
    if kind == "Pooling":
        dimension = pooling_dimension(settings)
        return dimension * len(pooling_modes(settings)) if dimension else None
    return settings.get("out_features")


def architecture(config: Settings) -> dict[str, Any]:
    """Of config.json what changes vectors; dropout does not, it acts in training only."""
    return {
        name: architecture(value) if isinstance(value, Mapping) else value
        for name, value in config.items()
        if name not in _NOT_IN_CONFIG and "dropout" not in name
    }


def tokenizer_settings(config: Settings) -> dict[str, Any]:
    """Of tokenizer_config.json what changes tokens."""
    return {name: value for name, value in config.items() if name not in _NOT_IN_TOKENIZER_CONFIG}


def window(settings: Settings, tokenizer_config: Settings, config: Settings) -> int | None:
    """The longest text in tokens by the rule of sentence-transformers; None where no file bounds it.

    `settings` are the Transformer module's. Its own bound counts; without one the tokenizer's does, as far as the model
    has positions. Releases from 6 on save the bound with the tokenizer.
    """
    processor = settings.get("processor_kwargs") or settings.get("tokenizer_args") or {}
    own = processor.get("model_max_length") or settings.get("max_seq_length")
    declared = [own] if own else [tokenizer_config.get("model_max_length"), config.get("max_position_embeddings")]
    processing = settings.get("processing_kwargs") or {}
    declared += [(processing.get(kind) or {}).get("max_length") for kind in ("common", "text")]
    # A tokenizer without a bound says so with a number of thirty digits, an architecture with -1.
    return min((int(bound) for bound in declared if bound and 0 < bound < 1e9), default=None)


def licence(readme: str) -> str:
    """The licence that the front matter of a model card names; "unknown" where it names none."""
    import yaml

    front, closed, _ = readme.removeprefix("---\n").partition("\n---")
    if not readme.startswith("---\n") or not closed:
        return "unknown"
    try:
        card = yaml.safe_load(front)
    except yaml.YAMLError:
        return "unknown"
    named = card.get("license") if isinstance(card, dict) else None
    if named == "other":
        named = card.get("license_name") or named
    return ", ".join(map(str, named)) if isinstance(named, list) else str(named or "unknown")
