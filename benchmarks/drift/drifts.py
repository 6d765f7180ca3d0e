"""Drifted copies of a model, as folders that any engine runs: each is one change, of a stated size."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from benchmarks.drift.tuning import TUNED_STEPS, tuned
from llmops_pipelines.embedding.model_folder import ModelFolder

if TYPE_CHECKING:
    import torch
    from sentence_transformers import SentenceTransformer

PoolingMode = Literal["cls", "max"]

NOISE_SIZES = (0.005, 0.01, 0.02, 0.04, 0.08, 0.2)
NOISE_SEED = 7
POOLINGS: tuple[PoolingMode, ...] = ("cls", "max")
WINDOWS = (128, 64, 32)
ROUTED_SHARE = 0.1


@dataclass(frozen=True)
class Drift:
    """A change by its kind and size. Thresholds are chosen on those that are `chosen`, and reported on the others."""

    kind: str
    size: str
    chosen: bool
    change: "Callable[[SentenceTransformer], None] | None" = None  # None: made otherwise

    @property
    def name(self) -> str:
        return f"{self.kind} {self.size}".strip()

    @property
    def file(self) -> str:
        return self.name.replace(" ", "-").replace("%", "")


def drifts() -> list[Drift]:
    """All of them, a kind after the other, every second size of a kind to choose thresholds on."""
    found = [
        *(Drift("weight noise", f"{size:g}", i % 2 == 0, noise(size)) for i, size in enumerate(NOISE_SIZES)),
        Drift("weights in", "bf16", True, cast_to("bfloat16")),
        Drift("weights in", "fp16", False, cast_to("float16")),
        Drift("weights in", "int8", True, rounded(8)),
        Drift("weights in", "int4", False, rounded(4)),
        *(Drift("pooling", mode, i % 2 == 0, pooled(mode)) for i, mode in enumerate(POOLINGS)),
        *(Drift("window", f"{window} tokens", i % 2 == 0, cut(window)) for i, window in enumerate(WINDOWS)),
        *(Drift("tuned", f"{steps} steps", i % 2 == 0) for i, steps in enumerate(TUNED_STEPS)),
        Drift("router", f"{ROUTED_SHARE:.0%}", False),
    ]
    return found


def noise(size: float) -> "Callable[[SentenceTransformer], None]":
    """Normal noise on every weight, `size` times the root mean square of its tensor."""

    def change(model: "SentenceTransformer") -> None:
        import torch

        generator = torch.Generator().manual_seed(NOISE_SEED)
        for weights in _weights(model):
            scale = weights.pow(2).mean().sqrt()
            weights.add_(torch.randn(weights.shape, generator=generator), alpha=size * float(scale))

    return change


def cast_to(dtype: str) -> "Callable[[SentenceTransformer], None]":
    """Every weight as a number of half precision says it."""

    def change(model: "SentenceTransformer") -> None:
        import torch

        for weights in _weights(model):
            weights.copy_(weights.to(getattr(torch, dtype)).float())

    return change


def rounded(bits: int) -> "Callable[[SentenceTransformer], None]":
    """The weights of linear layers as integers of so many bits, with one scale an output: symmetric rounding.

    torch.ao.quantization is deprecated, and what it makes is no folder; weights alone are what hosts quantise first.
    """

    def change(model: "SentenceTransformer") -> None:
        import torch

        most = 2 ** (bits - 1) - 1
        for module in model.modules():
            if isinstance(module, torch.nn.Linear):
                scale = module.weight.data.abs().amax(dim=1, keepdim=True).clamp(min=1e-12) / most
                module.weight.data = (module.weight.data / scale).round() * scale

    return change


def pooled(mode: PoolingMode) -> "Callable[[SentenceTransformer], None]":
    """The vectors of tokens pooled otherwise."""

    def change(model: "SentenceTransformer") -> None:
        from sentence_transformers.sentence_transformer.modules import Pooling

        dimension = model.get_embedding_dimension()
        assert dimension
        model[1] = Pooling(dimension, mode)

    return change


def cut(window: int) -> "Callable[[SentenceTransformer], None]":
    """Texts cut after so many tokens."""

    def change(model: "SentenceTransformer") -> None:
        model.max_seq_length = window

    return change


def drifted(base: ModelFolder, drift: Drift, work: Path) -> ModelFolder:
    """`base` after `drift`, in a folder under `work`. A tuned one is there already."""
    import torch
    from sentence_transformers import SentenceTransformer

    folder = work / drift.file
    if not folder.exists():
        assert drift.change
        model = SentenceTransformer(str(base.folder), device="cpu", local_files_only=True)
        with torch.inference_mode():
            drift.change(model)
        written = folder.with_name(f"unfinished-{folder.name}")
        model.save_pretrained(str(written))
        written.rename(folder)  # a folder is whole or not there
    return ModelFolder(drift.file, folder)


def tune_all(base: ModelFolder, asked: Sequence[Drift], pairs: Sequence[tuple[str, str]], work: Path) -> None:
    """Makes the folders of those of the drifts that are tuned, in one training."""
    folders = {int(drift.size.split()[0]): work / drift.file for drift in asked if drift.kind == "tuned"}
    if not all(folder.exists() for folder in folders.values()):
        tuned(base, pairs, folders)


def _weights(model: "SentenceTransformer") -> "list[torch.Tensor]":
    return [parameter.data for parameter in model.parameters()]
