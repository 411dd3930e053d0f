"""The client of the running product: commands call its HTTP API with a token that is minted for the call."""

import os
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import httpx2

from huitou import tokens
from huitou.exits import Exit, Refused
from huitou.settings import PORT_OFFSETS, Settings
from shared.auth.signing import keys_folder
from shared.http.language import Language

ANSWER_SECONDS_MAX = 120.0
LOCALES = ("LC_ALL", "LC_MESSAGES", "LANG")
"""The variables that say the language of a terminal, the strongest first."""


def language_of_environment() -> Language:
    """Return the language of the person at the terminal, by LC_ALL, LC_MESSAGES or LANG."""
    said = next((os.environ[name] for name in LOCALES if os.environ.get(name)), "")
    return "zh" if said.lower().startswith("zh") else "en"


class Product:
    """The public addresses of one installation, called with a token; without one, as the operator `name`.

    It answers in `language`; without one, in that of the terminal.
    """

    def __init__(
        self,
        settings: Settings,
        token: str | None = None,
        *,
        name: str = "huitou-cli",
        language: Language | None = None,
    ) -> None:
        self._language = language or language_of_environment()
        self._token = token or ""  # a folder without keys is no home, so nothing will answer
        if token is None and keys_folder(settings.home).exists():
            self._token = tokens.operator(settings.home, "admin", name=name)
        self._clients = {
            name: httpx2.Client(base_url=settings.address(name), timeout=ANSWER_SECONDS_MAX)
            for name in PORT_OFFSETS
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        for client in self._clients.values():
            client.close()

    def call(
        self,
        service: str,
        method: str,
        path: str,
        *,
        json: Any = None,
        query: Mapping[str, str | int] | None = None,
        key: str | None = None,
    ) -> Any:
        """Return the answer's document; `key` is the Idempotency-Key. Raises Refused with the problem's sentence."""
        answer = self.ask(service, method, path, json=json, query=query, key=key)
        if answer.is_success:
            return answer.json() if answer.content else None
        raise Refused(Exit.FAILED, problem(answer))

    def ask(
        self,
        service: str,
        method: str,
        path: str,
        *,
        json: Any = None,
        query: Mapping[str, str | int] | None = None,
        key: str | None = None,
    ) -> httpx2.Response:
        """Return the answer, also when it is a problem. Raises Refused only when no service answers."""
        headers = {"Authorization": f"Bearer {self._token}", "Accept-Language": self._language}
        if key is not None:
            headers["Idempotency-Key"] = key
        client = self._clients[service]
        try:
            return client.request(method, path, json=json, params=query, headers=headers)
        except httpx2.ConnectError:
            raise Refused(
                Exit.NOT_RUNNING,
                f"Nothing answers at {client.base_url}. Start the product with `huitou up`, or name its port in "
                "HUITOU_PORT_BASE and its folder in HUITOU_HOME.",
            ) from None
        except httpx2.TransportError as error:
            raise Refused(Exit.FAILED, f"{client.base_url} broke off: {error}") from None


def problem(answer: httpx2.Response) -> str:
    """Describe a refusal in one sentence: the problem document's fields, or its detail, or the status alone."""
    if answer.headers.get("content-type", "").startswith("application/problem+json"):
        document = answer.json()
        # The detail of a refusal with fields speaks about a document that a terminal does not show.
        fields = " ".join(f"{error['pointer']}: {error['detail']}" for error in document.get("errors", ()))
        words = f"{document['title']}: {fields}" if fields else document.get("detail") or document["title"]
        return f"{words} [{document['code']}]"
    return f"The {answer.url.path} call was answered {answer.status_code}."
