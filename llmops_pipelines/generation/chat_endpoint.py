"""One chat request to an OpenAI-compatible endpoint."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

from llmops_pipelines.embedding.hosted_client import Failure, HostedClient
from llmops_pipelines.generation.completion import Completion, read_completion
from llmops_pipelines.generation.hosted_llm import HostedLLM


@dataclass(frozen=True)
class Prompt:
    """What a model is asked in one request."""

    user: str
    system: str | None = None
    max_tokens: int = 256  # of the answer
    temperature: float = 0.0


class ChatEndpoint:
    """The endpoint of a large language model. It may be asked by several threads."""

    def __init__(self, model: HostedLLM) -> None:
        self.model = model
        self.hosted = HostedClient(model)

    def ask(self, prompt: Prompt) -> tuple[Completion | Failure, Mapping[str, str]]:
        """The answer with its headers. Raises HostedModelError where the key or base_url cannot be used."""
        import openai

        model = self.model
        system = [{"role": "system", "content": prompt.system}] if prompt.system else []
        started = time.perf_counter()
        body, headers = self.hosted.send(
            lambda client, extra: client.chat.completions.with_raw_response.create(
                messages=[*system, {"role": "user", "content": prompt.user}],  # type: ignore[list-item]
                model=model.model,
                temperature=prompt.temperature if model.send_temperature else openai.omit,
                seed=openai.omit if model.seed is None else model.seed,
                extra_body={model.token_limit: prompt.max_tokens},
                extra_headers=extra,
            )
        )
        if isinstance(body, Failure):
            return body, headers
        completion = read_completion(body, headers, time.perf_counter() - started)
        return completion or Failure("failing", "its answer is not the JSON of a chat completion"), headers
