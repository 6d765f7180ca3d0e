"""Tiny models with random weights, saved by sentence-transformers as anyone's model is."""

from pathlib import Path
from typing import Any

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Dense, Normalize, Pooling, Transformer
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import (
    BertConfig,
    BertModel,
    BertTokenizer,
    PreTrainedTokenizerBase,
    XLMRobertaConfig,
    XLMRobertaModel,
)
from transformers.tokenization_utils_tokenizers import TokenizersBackend

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
LETTERS = [chr(code) for code in range(33, 127)]
VOCABULARY = [*SPECIAL, *LETTERS, *(f"##{letter}" for letter in LETTERS), "query", "passage", "the", "moon", "sea"]


def tiny_model(
    folder: Path,
    *,
    window: int = 24,
    pooling: str | tuple[str, ...] = "mean",
    include_prompt: bool = True,
    dense: int | None = None,
    architecture: str = "bert",
    seed: int = 0,
    **options: Any,
) -> Path:
    """Save a model of 16 dimensions to `folder`; `options` are those of SentenceTransformer (prompts, truncate_dim)."""
    torch.manual_seed(seed)
    base = folder.parent / f"{folder.name}-transformer"
    model, tokenizer = (_bert if architecture == "bert" else _xlm_roberta)()
    model.save_pretrained(base)
    tokenizer.save_pretrained(base)
    transformer = Transformer(str(base), processor_kwargs={"model_max_length": window})
    modules: list[torch.nn.Module] = [transformer, Pooling(16, pooling, include_prompt=include_prompt)]
    if dense:
        modules.append(Dense(16, dense))
    made = SentenceTransformer(modules=[*modules, Normalize()], device="cpu", **options)
    made.save_pretrained(str(folder))
    return folder


def _bert() -> tuple[BertModel, PreTrainedTokenizerBase]:
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    config = BertConfig(vocab_size=len(VOCABULARY), max_position_embeddings=64, **sizes)
    return BertModel(config), BertTokenizer(vocab={token: i for i, token in enumerate(VOCABULARY)}, do_lower_case=True)


def _xlm_roberta() -> tuple[XLMRobertaModel, PreTrainedTokenizerBase]:
    """As multilingual E5: SentencePiece, positions that begin after the padding token's."""
    pieces = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0)]
    pieces += [(piece, -3.0) for piece in ("▁the", "▁moon", "▁sea", "query", "▁query", "passage", ":")]
    pieces += [(letter, -5.0) for letter in LETTERS if letter != ":"]
    backend = Tokenizer(models.Unigram(pieces, unk_id=3))
    backend.normalizer = normalizers.NFKC()
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    backend.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    names = {"bos_token": "<s>", "cls_token": "<s>", "eos_token": "</s>", "sep_token": "</s>"}
    tokenizer = TokenizersBackend(tokenizer_object=backend, pad_token="<pad>", unk_token="<unk>", **names)
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    config = XLMRobertaConfig(vocab_size=len(pieces), max_position_embeddings=66, pad_token_id=1, **sizes)
    return XLMRobertaModel(config), tokenizer
