"""A large language model behind an OpenAI-compatible endpoint. Nothing here opens a connection or reads a key."""

from dataclasses import dataclass


@dataclass(frozen=True)
class HostedLLM:
    """The model `model` of the endpoint `base_url`, asked by chat completions.

    `api_key_env` names the environment variable that holds the key, None where the endpoint wants none. `token_limit` is
    the field by which the endpoint is told how long an answer may be: providers renamed it, and refuse the other one.
    `send_temperature` is off for models that refuse a temperature. `seed` is sent where it is set; a provider may ignore it.
    """

    name: str
    model: str
    base_url: str
    api_key_env: str | None = None
    token_limit: str = "max_tokens"
    send_temperature: bool = True
    seed: int | None = None
    usd_per_million_input_tokens: float | None = None
    usd_per_million_output_tokens: float | None = None
    concurrency: int = 4
    timeout_seconds: float = 60.0
    max_retries: int = 4
    max_retry_seconds: float = 120.0  # between the first failure of a request and giving it up

    @property
    def where(self) -> str:
        return self.base_url

    def usd(self, input_tokens: int, output_tokens: int) -> float:
        """The price of a request, 0 where none is configured."""
        prices = (self.usd_per_million_input_tokens or 0.0, self.usd_per_million_output_tokens or 0.0)
        return (input_tokens * prices[0] + output_tokens * prices[1]) / 1e6
