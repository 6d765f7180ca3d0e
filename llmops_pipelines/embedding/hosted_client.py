"""A hosted model's client: one request sent. What fails comes back as a value that holds neither a key nor a text.

Nothing is raised from what the client library raises: its errors carry the request, with the key and the texts.
"""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Protocol
from urllib.parse import urlsplit

from llmops_pipelines.embedding.hosted_model import HostedModelError
from llmops_pipelines.embedding.rate_limit import retry_after

if TYPE_CHECKING:
    from openai import APIStatusError, OpenAI

Kind = Literal["refused", "busy", "failing", "unreachable", "final"]

TEXT_STATUS = (400, 413, 422)
RETRIED_STATUS = (408, 409, 425)
NO_CREDIT = ("insufficient_quota", "billing_hard_limit_reached")
NO_MODEL = ("model_not_found", "invalid_model", "unsupported_model")
NO_KEY = ("invalid_api_key",)
FILTERED = ("content_filter", "content_policy_violation", "responsible_ai_policy_violation", "invalid_prompt")

# Headers by which endpoints tell the version of the model that answered. An API's own version is none of them.
VERSION_HEADERS = ("openai-model", "azureml-model-deployment", "x-ms-deployment-name", "x-model-version", "x-model-id")
LONGEST = 200  # characters of a name that are kept


@dataclass(frozen=True)
class Failure:
    """A request that was not answered.

    refused: what was sent is not taken, as where a text is too long. busy: a rate limit. failing: the endpoint failed.
    unreachable: nothing answers. final: it does not help to ask again. `asked` are the seconds that it wants waited.
    """

    kind: Kind
    reason: str
    headers: Mapping[str, str] = field(default_factory=dict)
    gone: bool = False  # the endpoint says that it has no such model
    filtered: bool = False  # the endpoint says that it will not answer such a text

    @property
    def asked(self) -> float | None:
        return retry_after(self.headers)


class Response(Protocol):
    """What `with_raw_response` of the client library gives."""

    @property
    def http_response(self) -> Any: ...


class Hosted(Protocol):
    """A model behind an OpenAI-compatible endpoint, as it is configured."""

    @property
    def name(self) -> str: ...

    @property
    def model(self) -> str: ...

    @property
    def base_url(self) -> str: ...

    @property
    def api_key_env(self) -> str | None: ...

    @property
    def timeout_seconds(self) -> float: ...


class HostedClient:
    """The client of a model. Several threads may send by it."""

    def __init__(self, model: Hosted) -> None:
        self.model = model

    def send(
        self, request: "Callable[[OpenAI, Mapping[str, Any]], Response]"
    ) -> tuple[bytes | Failure, Mapping[str, str]]:
        """What is answered to `request`, with its headers. Raises HostedModelError as `client` does.

        `request` is called with the client and the headers to send along as `extra_headers`.
        """
        import openai

        client, model = self.client, self.model
        headers = {"Authorization": f"Bearer {client.api_key}" if model.api_key_env else openai.Omit()}
        try:
            response = request(client, headers).http_response
            return response.content, response.headers
        except openai.APIStatusError as error:
            failure = self._status_failure(error)
        except openai.APITimeoutError:
            failure = Failure("failing", f"no answer within {model.timeout_seconds:g} s")
        except openai.APIConnectionError as error:
            cause = type(error.__cause__).__name__
            unreachable = cause == "ConnectError"
            failure = Failure("unreachable" if unreachable else "failing", f"connection lost, {cause}")
        except UnicodeEncodeError:
            failure = Failure("refused", "it holds half of a surrogate pair, which UTF-8 cannot hold")
        except openai.OpenAIError as error:
            failure = Failure("final", f"the client refused the request, {type(error).__name__}")
        return failure, failure.headers

    @cached_property
    def client(self) -> "OpenAI":
        """The client, which has not connected yet. Raises HostedModelError where the key or base_url cannot be used."""
        import openai

        model = self.model
        url = urlsplit(model.base_url)
        if url.scheme not in ("http", "https") or not url.hostname or url.username or url.password or url.query:
            raise HostedModelError(
                f"model {model.name}: base_url must be like https://host/v1, without user, password or query. "
                "Name the environment variable that holds the key as api_key_env"
            )
        return openai.OpenAI(
            # Where no key is wanted the header is left out; the client would take OPENAI_API_KEY for None.
            api_key=self._key or "none",
            base_url=model.base_url,
            max_retries=0,
            timeout=model.timeout_seconds,
            # A redirect would carry the texts to a host that nobody named.
            http_client=openai.DefaultHttpxClient(follow_redirects=False, timeout=model.timeout_seconds),
        )

    @property
    def _key(self) -> str | None:
        name = self.model.api_key_env
        if name is None:
            return None
        key = os.environ.get(name, "").strip()
        if not key or not key.isascii() or not key.isprintable():
            state = "holds no key: it has characters that no key has" if key else "is not set"
            raise HostedModelError(
                f"model {self.model.name}: the environment variable {name} {state}. "
                f"Set it to a key for {self.model.base_url}, where Dagster runs too"
            )
        return key

    def _status_failure(self, error: "APIStatusError") -> Failure:
        status, headers = error.status_code, error.response.headers
        code = self._identifier(error.code) or self._identifier(error.type)
        request_id = self._identifier(error.request_id)
        named = ", ".join(filter(None, [f"HTTP {status}", code, request_id and f"request {request_id}"]))
        final = self._final(status, code)
        if final:
            return Failure("final", f"{final} ({named})", headers, gone=status == 404 or code in NO_MODEL)
        if status in TEXT_STATUS:
            return Failure("refused", named, headers, filtered=code in FILTERED)
        if status == 429:
            return Failure("busy", named, headers)
        return Failure("failing", named, headers)

    def _final(self, status: int, code: str) -> str | None:
        """What to do where another try cannot help; None where it may."""
        model = self.model
        where = f"the key in {model.api_key_env}" if model.api_key_env else "a request without a key (api_key_env)"
        if status == 401 or code in NO_KEY:
            return f"the endpoint does not accept {where}. Set it to a valid one, where Dagster runs too"
        if status == 402 or code in NO_CREDIT:
            return f"the account of {where} has no credit left. Add some, then run again"
        if status == 404 or code in NO_MODEL:
            return f"there is no model {model.model}, or base_url is not the API's (most end in /v1). Correct them"
        if status == 403:
            return f"{where} may not use {model.model}. Ask for access, or use another key"
        if status < 400:
            return "the endpoint redirects. Set base_url to where it leads"
        retried = status in (*TEXT_STATUS, *RETRIED_STATUS, 429) or status >= 500
        return None if retried else "the endpoint refuses the request. Check base_url and model"

    def _identifier(self, value: Any) -> str:
        """`value` where it is a code such as `context_length_exceeded`: anything else may echo a text or the key."""
        found = isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", value)
        return value if found and self.client.api_key not in value else ""


def versions_told(headers: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Those of VERSION_HEADERS that came with an answer, by name."""
    return tuple((name, value[:LONGEST]) for name in VERSION_HEADERS if (value := headers.get(name)))
