"""What tells one state of an upstream model from another without asking what it answers.

A local model is its fingerprint: weights, tokenizer, pooling, window and prompts, all hashed. A hosted one is what its
answers say of themselves: a name that changes proves another model, a name that does not proves nothing.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version

from llmops_pipelines.embedding.model_folder import ModelFolder
from llmops_pipelines.generation.completion import Completion
from llmops_pipelines.storage.identity import value_hash

LIBRARIES = ("torch", "transformers", "sentence-transformers", "tokenizers", "openvino")
MODEL, FINGERPRINT = "model", "system fingerprint"


@dataclass(frozen=True)
class Identity:
    """Names that prove, by name, and the values that were seen of each; an endpoint may answer with several models.

    `information` is what can change without the model doing so, such as versions of libraries: it is shown, and no part
    of the identity.
    """

    names: Mapping[str, tuple[str, ...]]
    information: Mapping[str, str] = field(default_factory=dict)

    @property
    def hash(self) -> str:
        """sha256 of the names and their values, 64 hex digits."""
        return value_hash({name: sorted(values) for name, values in self.names.items()})

    @property
    def known(self) -> bool:
        """Whether there is any name: of an endpoint that names nothing only its behaviour tells."""
        return any(self.names.values())

    def changes(self, accepted: "Identity") -> list[str]:
        """What proves that this is not the `accepted` model, in words: a value that was not there, of a name that was.

        A name that is not told any more, or told for the first time, proves nothing.
        """
        return [
            f"{name} was {_listed(accepted.names[name])}, is {_listed(self.names[name])}"
            for name in self.names
            if name in self.changed_names(accepted)
        ]

    def changed_names(self, accepted: "Identity") -> set[str]:
        """The names of which a value was not there, of those that both tell."""
        return {
            name
            for name, values in self.names.items()
            if accepted.names.get(name) and not set(values) <= set(accepted.names[name])
        }

    def merged(self, later: "Identity | None") -> "Identity":
        """All values that were seen of each name, here or in what came `later`; the information of what came later."""
        if later is None:
            return self
        names = {
            name: tuple(dict.fromkeys([*self.names.get(name, ()), *later.names.get(name, ())]))
            for name in [*self.names, *later.names]
        }
        return Identity(names, later.information)

    def as_json(self) -> str:
        """As text for a table's column; `identity_of` reads it back."""
        return json.dumps({"names": dict(self.names), "information": dict(self.information)}, sort_keys=True)

    def __str__(self) -> str:
        return "; ".join(f"{name} {_listed(values)}" for name, values in self.names.items() if values) or "unnamed"


def identity_of(text: str) -> Identity:
    """The identity that `as_json` wrote."""
    content = json.loads(text)
    return Identity({name: tuple(values) for name, values in content["names"].items()}, content["information"])


def local_identity(model: ModelFolder) -> Identity:
    """The identity of a model in a folder. Raises ModelError where it cannot be read."""
    return Identity({"fingerprint": (model.fingerprint,)}, libraries())


def told_identity(told: Mapping[str, Iterable[str]]) -> Identity:
    """The identity of a hosted model by what its answers told, by name."""
    return Identity({name: tuple(sorted(set(values))) for name, values in sorted(told.items())})


def hosted_identity(answers: Iterable[Completion]) -> Identity:
    """What the answers of a large language model say of it, each value once."""
    seen: dict[str, set[str]] = {}
    for answer in answers:
        told = {MODEL: answer.answered_by, FINGERPRINT: answer.system_fingerprint, **dict(answer.versions)}
        for name, value in told.items():
            if value:
                seen.setdefault(name, set()).add(value)
    return told_identity(seen)


def libraries() -> dict[str, str]:
    """The versions of the libraries by which a local model is run, those that are installed."""
    found: dict[str, str] = {}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _listed(values: Iterable[str]) -> str:
    return " and ".join(value[:12] if len(value) == 64 else value for value in values)
