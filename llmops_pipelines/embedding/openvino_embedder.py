"""The local engine with its transformer under OpenVINO: faster than torch on Intel's processors, slower to load."""

import sys
import warnings
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, Literal

from llmops_pipelines.embedding.model_folder import ModelError, ModelFolder
from llmops_pipelines.embedding.torch_embedder import Precision, TorchEmbedder


class OpenVinoEmbedder(TorchEmbedder):
    """A TorchEmbedder on the CPU whose transformer OpenVINO has compiled; tokenizer, pooling and batches are the same.

    Raises ModelError where OpenVINO is not installed, or has no counterpart for an operation of the model.
    """

    def __init__(self, model: ModelFolder, precision: Precision = "auto") -> None:
        super().__init__(model, precision, device="cpu")

    @property
    def numerics(self) -> str:
        return f"openvino/{self.device}/{self.precision}"

    @property
    def _weights(self) -> Literal["fp32"]:
        return "fp32"  # the compiler makes of them what `precision` says

    @cached_property
    def _modules(self) -> Sequence[Callable[[dict[str, Any]], dict[str, Any]]]:
        transformer, *others = self._loaded
        compiled = self._compiled(transformer)

        def token_embeddings(features: dict[str, Any]) -> dict[str, Any]:
            import torch

            inputs = [features[name].numpy() for name in ("input_ids", "attention_mask")]
            return features | {"token_embeddings": torch.from_numpy(compiled(inputs)[0].copy())}

        return [token_embeddings, *others]

    def _compiled(self, transformer: Any) -> Any:
        import torch

        class TokenEmbeddings(torch.nn.Module):
            """The transformer with tensors in and out, as a trace wants it."""

            def __init__(self) -> None:
                super().__init__()
                self.transformer = transformer

            def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
                features = {"input_ids": input_ids, "attention_mask": attention_mask}
                return self.transformer(features)["token_embeddings"]

        openvino = _openvino()
        example = torch.ones(2, 7, dtype=torch.long)
        shape = [-1, -1]
        try:
            with warnings.catch_warnings(), torch.inference_mode():
                warnings.simplefilter("ignore")  # what torch.jit says of constants that are none here
                converted = openvino.convert_model(
                    TokenEmbeddings().eval(),
                    example_input={"input_ids": example, "attention_mask": example},
                    input=[("input_ids", shape), ("attention_mask", shape)],
                )
            precision = "bf16" if self.precision == "bf16" else "f32"
            return openvino.Core().compile_model(
                converted, "CPU", {"INFERENCE_PRECISION_HINT": precision, "PERFORMANCE_HINT": "LATENCY"}
            )
        except Exception as error:
            raise ModelError(
                f"model {self.model.name} in {self.model.folder} cannot be compiled by OpenVINO: {error}. "
                "Set embeddings.engine to torch"
            ) from error


def _openvino() -> Any:
    # Importing it would report the import to its makers; without this package it does not.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    try:
        import openvino
    except ImportError as error:
        raise ModelError(
            "embeddings.engine is openvino, which is not installed: run "
            "`pip install torch==2.13.0 'llmops-pipelines[openvino]'`, or set embeddings.engine to torch"
        ) from error
    return openvino
