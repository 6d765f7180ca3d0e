"""An embedding model that is named as on a model hub. Looked up in the local cache; downloaded only on demand.

The hub is the one of HF_ENDPOINT, the cache that of HF_HUB_CACHE or HF_HOME; with HF_HUB_OFFLINE nothing is downloaded.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from llmops_pipelines.embedding.model_folder import ModelError, ModelFolder

Tell = Callable[[str], None]

WANTED = ["*.safetensors", "*.json", "*.txt", "README.md"]
UNWANTED = ["onnx/*", "openvino/*"]


@dataclass(frozen=True)
class HubModel:
    """The model `repository` (`owner/name`) at `revision`: a branch, tag or commit, the main branch where it is None.

    What is in the cache stays what the model is, also when the hub has a newer one: identity changes on demand only.
    """

    name: str
    repository: str
    revision: str | None = None
    expected_sha256: str | None = None
    query_prompt: str | None = None
    document_prompt: str | None = None

    def located(self, tell: Tell | None = None) -> ModelFolder:
        """The model's folder in the local cache. Where it is not there and `tell` is given, it is downloaded first.

        `tell` gets a line when a download begins. Raises ModelError where the model is not there or cannot be had.
        """
        if tell is None:
            return self._cached()
        try:
            found = self._cached()
            _ = found.fingerprint  # whether all its files are there
        except ModelError:
            return self._downloaded(tell)
        return found

    def _cached(self) -> ModelFolder:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

        try:
            found = snapshot_download(
                self.repository,
                revision=self.revision,
                local_files_only=True,
                allow_patterns=WANTED,
                ignore_patterns=UNWANTED,
            )
        except LocalEntryNotFoundError as error:
            raise ModelError(
                f"model {self.name}: {self.repository} is not in the local cache, or not all of it. "
                f"`llmops run` and `llmops ui` download it, as does `{self._command}`"
            ) from error
        except HFValidationError as error:
            raise self._no_name(error) from error
        return self._folder(found)

    def _downloaded(self, tell: Tell) -> ModelFolder:
        from huggingface_hub import constants, snapshot_download
        from huggingface_hub.errors import (
            HFValidationError,
            OfflineModeIsEnabled,
            RepositoryNotFoundError,
            RevisionNotFoundError,
        )

        if not constants.HF_HUB_OFFLINE:
            tell(f"model {self.name}: downloading {self.repository} from {constants.ENDPOINT}")
        try:
            found = snapshot_download(
                self.repository, revision=self.revision, allow_patterns=WANTED, ignore_patterns=UNWANTED
            )
        except HFValidationError as error:
            raise self._no_name(error) from error
        except RevisionNotFoundError as error:
            raise ModelError(f"model {self.name}: {self.repository} has no revision {self.revision!r}") from error
        except RepositoryNotFoundError as error:
            raise ModelError(
                f"model {self.name}: {constants.ENDPOINT} has no model {self.repository}, or does not show it to you. "
                "Mend the name under embeddings.models, or log in with `hf auth login`"
            ) from error
        except Exception as error:
            cause = error.__cause__ or error
            reason = "HF_HUB_OFFLINE is set" if isinstance(cause, OfflineModeIsEnabled) else str(cause).splitlines()[0]
            raise ModelError(
                f"model {self.name}: {self.repository} is not in the local cache and cannot be downloaded from "
                f"{constants.ENDPOINT} ({reason}). With a network, run `{self._command}` and copy the cache "
                f"({constants.HF_HUB_CACHE}) here; or name a folder under embeddings.models"
            ) from error
        return self._folder(found)

    def _no_name(self, error: Exception) -> ModelError:
        reason = str(error).splitlines()[0]
        return ModelError(
            f"model {self.name}: {self.repository} is no name on a hub ({reason}): mend it under embeddings.models"
        )

    def _folder(self, found: str) -> ModelFolder:
        return ModelFolder(self.name, Path(found), self.expected_sha256, self.query_prompt, self.document_prompt)

    @property
    def _command(self) -> str:
        return f"hf download {self.repository}" + (f" --revision {self.revision}" if self.revision else "")
