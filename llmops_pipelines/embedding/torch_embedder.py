"""The local engine: a sentence-transformers model under torch, in batches of a bounded number of tokens."""

import os
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from llmops_pipelines.embedding.embedder import Embedded, EmbedderCount, Use
from llmops_pipelines.embedding.model_folder import ModelError, ModelFolder

if TYPE_CHECKING:
    import numpy as np
    from sentence_transformers import SentenceTransformer

Precision = Literal["auto", "bf16", "fp32"]

# Padded tokens of a batch. On a CPU a batch should stay in its caches, an accelerator wants to be filled.
CPU_TOKEN_BUDGET = 4_096
ACCELERATOR_TOKEN_BUDGET = 65_536
# Rows are padded to a multiple of this: torch's attention on a CPU takes up to 1.7 times as long for 127 tokens as for 128.
PADDED_TO = 16


class TorchEmbedder:
    """A model folder loaded on the accelerator that torch sees, on the CPU otherwise.

    Texts are sorted by length, so that a batch holds texts of about one length and little is spent on padding. Pooling
    and normalisation run in float32 whatever the precision of the weights, so that vectors have unit length.
    """

    def __init__(self, model: ModelFolder, precision: Precision = "auto", device: str | None = None) -> None:
        self.model = model
        self.count = EmbedderCount()
        self._precision = precision
        self._device = device

    @property
    def fingerprint(self) -> str:
        return self.model.fingerprint

    @property
    def dimension(self) -> int:
        return self.model.dimension

    @property
    def max_tokens(self) -> int:
        return self.model.max_tokens

    @cached_property
    def device(self) -> str:
        import torch

        if self._device:
            return self._device
        accelerator = torch.accelerator.current_accelerator(check_available=True)
        return accelerator.type if accelerator else "cpu"

    @cached_property
    def precision(self) -> Literal["bf16", "fp32"]:
        """bf16 where the device computes in it faster than in fp32, else fp32."""
        import torch

        if self._precision == "bf16" or self._precision == "fp32":
            return self._precision
        if self.device == "cpu":
            found = torch.cpu.get_capabilities()
            return "bf16" if found.get("amx_bf16") or found.get("avx512_bf16") or found.get("bf16") else "fp32"
        return "bf16" if self.device == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"

    @property
    def _weights(self) -> Literal["bf16", "fp32"]:
        """The precision that the weights are loaded in."""
        return self.precision

    @property
    def numerics(self) -> str:
        return f"torch/{self.device}/{self.precision}"

    def embed(self, texts: Sequence[str], use: Use, progress: Callable[[int], None] = lambda done: None) -> Embedded:
        """The vectors of `texts`, the model's prompt for `use` put before each. Longer texts than the window are cut."""
        import numpy as np

        prompt = self.model.prompt(use)
        prompt_tokens = self._prompt_tokens(prompt) if prompt else None
        encodings = self._tokenizer.encode_batch_fast([prompt + text for text in texts])
        tokens = [len(encoding.ids) for encoding in encodings]
        vectors = np.empty((len(texts), self.dimension), dtype=np.float32)
        done = 0
        for batch in self._batches(tokens):
            vectors[batch] = self._forward([self._window(encodings[i].ids) for i in batch], prompt_tokens)
            self.count.tokens += sum(min(tokens[i], self.max_tokens) for i in batch)
            if use == "query":
                self.count.queries += len(batch)
            else:
                self.count.documents += len(batch)
            done += len(batch)
            progress(done)
        return Embedded(vectors, tokens, [length > self.max_tokens for length in tokens])

    def _batches(self, tokens: Sequence[int]) -> Iterator[list[int]]:
        """Positions of texts, longest first, so many at a time that the padded batch keeps to the token budget."""
        budget = CPU_TOKEN_BUDGET if self.device == "cpu" else ACCELERATOR_TOKEN_BUDGET
        order = sorted(range(len(tokens)), key=lambda i: -tokens[i])
        start = 0
        while start < len(order):
            size = max(1, budget // min(max(tokens[order[start]], 1), self.max_tokens))
            yield order[start : start + size]
            start += size

    def _window(self, ids: list[int]) -> list[int]:
        """The ids that the model sees: the first of them, with the special tokens at the end kept."""
        if len(ids) <= self.max_tokens:
            return ids
        kept = self.max_tokens - self._closing
        return ids[:kept] + (ids[-self._closing :] if self._closing else [])

    def _prompt_tokens(self, prompt: str) -> int:
        """How many tokens a prompt begins a text with: pooling leaves them out where the model says so."""
        ids = self._window(self._tokenizer.encode(prompt).ids)
        closed = bool(ids) and ids[-1] in self._loaded.tokenizer.all_special_ids
        return len(ids) - closed

    def _forward(self, batch: list[list[int]], prompt_tokens: int | None) -> "np.ndarray":
        import torch

        longest = min(-(-max(len(ids) for ids in batch) // PADDED_TO) * PADDED_TO, self.max_tokens)
        padding = self._loaded.tokenizer.pad_token_id or 0
        ids = torch.tensor([row + [padding] * (longest - len(row)) for row in batch], device=self.device)
        mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in batch], device=self.device)
        features: dict[str, Any] = {"input_ids": ids, "attention_mask": mask}
        if prompt_tokens:
            features["prompt_length"] = prompt_tokens
        with torch.inference_mode():
            for module in self._modules:
                features = module(features)
                for name in ("token_embeddings", "sentence_embedding"):
                    if name in features:
                        features[name] = features[name].float()
            vectors = torch.nn.functional.normalize(features["sentence_embedding"][:, : self.dimension], dim=1)
        return vectors.cpu().numpy()

    @cached_property
    def _tokenizer(self) -> Any:
        """The tokenizer as sentence-transformers sets it up: tokenizer.json is not all there is to it."""
        tokenizer = getattr(self._loaded.tokenizer, "backend_tokenizer", None)
        if tokenizer is None:
            raise ModelError(f"model {self.model.name}: its tokenizer is of a kind that tokenizer.json cannot hold")
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return tokenizer

    @cached_property
    def _closing(self) -> int:
        """How many special tokens end a text: [SEP] or </s> for encoders, none for others."""
        mask = self._tokenizer.encode("a").special_tokens_mask
        return next((i for i, special in enumerate(reversed(mask)) if not special), 0)

    @cached_property
    def _modules(self) -> Sequence[Callable[[dict[str, Any]], dict[str, Any]]]:
        """What a batch goes through: the transformer, pooling, and what else the model has."""
        return list(self._loaded)

    @cached_property
    def _loaded(self) -> "SentenceTransformer":
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
        import torch
        from safetensors import SafetensorError
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging as transformers_logging

        transformers_logging.disable_progress_bar()
        _ = self.model.fingerprint  # damaged weights are refused before torch reads them
        dtype = torch.bfloat16 if self._weights == "bf16" else torch.float32
        try:
            loaded = SentenceTransformer(
                str(self.model.folder),
                device=self.device,
                local_files_only=True,
                model_kwargs={"dtype": dtype, "use_safetensors": True},
            ).eval()
            for module in list(loaded)[1:]:  # they are small: only the transformer is worth another precision
                module.float()
            return loaded
        except (OSError, ValueError, RuntimeError, SafetensorError) as error:
            raise ModelError(f"model {self.model.name} in {self.model.folder} cannot be loaded: {error}") from error
