"""One request to the embeddings of an OpenAI-compatible endpoint."""

from collections.abc import Mapping, Sequence

from llmops_pipelines.embedding.hosted_answer import Answer, read_answer
from llmops_pipelines.embedding.hosted_client import Failure, HostedClient, versions_told
from llmops_pipelines.embedding.hosted_model import HostedModel


class Endpoint:
    """The endpoint of an embedding model. It may be asked by several threads."""

    def __init__(self, model: HostedModel) -> None:
        self.model = model
        self.hosted = HostedClient(model)

    def ask(self, texts: Sequence[str]) -> tuple[Answer | Failure, Mapping[str, str]]:
        """The answer with its headers. `texts` are sent as they are.

        Raises HostedModelError where the key or base_url cannot be used.
        """
        import openai

        model = self.model
        body, headers = self.hosted.send(
            lambda client, extra: client.embeddings.with_raw_response.create(
                input=list(texts),
                model=model.model,
                encoding_format="float",
                dimensions=model.dimension if model.send_dimensions else openai.omit,
                extra_headers=extra,
            )
        )
        if isinstance(body, Failure):
            return body, headers
        answer = read_answer(body, len(texts), model.dimension)
        if answer is None:
            return Failure("failing", "its answer is not the JSON of embeddings"), headers
        answer.versions = versions_told(headers)
        return answer, headers
