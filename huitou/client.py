"""The client of the running product: commands call its HTTP API with a token that is minted for the call."""

from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Self

import httpx2

from huitou import tokens
from huitou.exits import Exit, Refused
from huitou.home import is_one, no_home
from huitou.settings import PORT_OFFSETS, Settings
from huitou.speech import language, said
from shared import home_files
from shared.audit.commands import login
from shared.auth.signing import keys_folder
from shared.limits import PAGE_ITEMS_MAX
from shared.trust import authorities

ANSWER_SECONDS_MAX = 120.0
UNAUTHORIZED = 401


class NothingAnswers(Refused):
    """Nobody listens at the address of a service."""


class Product:
    """The public addresses of one installation, called with a token; without one, as the operator `name`.

    The audit trail of the services names that operator: by default the user of this machine.

    It answers in the language of the person at the terminal.
    """

    def __init__(
        self,
        settings: Settings,
        token: str | None = None,
        *,
        name: str | None = None,
    ) -> None:
        self._home = settings.home
        self._token = token  # none if the folder has no keys: it is no home, and what answers is another's
        home_files.refuse_others(settings.home)
        if token is None and keys_folder(settings.home).exists():
            self._token = tokens.operator(settings.home, "admin", name=name or login())
        self._clients = {
            name: httpx2.Client(
                base_url=settings.address(name), timeout=ANSWER_SECONDS_MAX, verify=authorities()
            )
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
        csv: str | None = None,
        query: Mapping[str, str | int] | None = None,
        key: str | None = None,
    ) -> Any:
        """Return the answer's document; `key` is the Idempotency-Key, and `csv` a file in the place of a document.

        Raises Refused with the problem's sentence.
        """
        answer = self.ask(service, method, path, json=json, csv=csv, query=query, key=key)
        if answer.is_success:
            return answer.json() if answer.content else None
        raise self.refusal(answer)

    def refusal(self, answer: httpx2.Response) -> Refused:
        """Return the refusal for an answer that is a problem: its sentence, or that this folder is no home and has no token."""
        if not is_one(self._home) and answer.status_code == httpx2.codes.UNAUTHORIZED:
            return no_home(self._home)
        return Refused(Exit.FAILED, problem(answer))

    def _nothing_answers(self, address: str) -> NothingAnswers:
        if not is_one(self._home):
            refused = no_home(self._home)
            return NothingAnswers(refused.code, str(refused))
        return NothingAnswers(Exit.NOT_RUNNING, said("nothing_answers", address=address))

    def items(
        self, service: str, path: str, *, query: Mapping[str, str | int], count_max: int
    ) -> Iterator[dict[str, Any]]:
        """Yield the items of a list, page after page, about `count_max` of them at most."""
        asked = {"limit": PAGE_ITEMS_MAX, **query}
        for _ in range(-(-count_max // PAGE_ITEMS_MAX)):
            page = self.call(service, "GET", path, query=asked)
            yield from page["items"]
            if page["next_cursor"] is None:
                return
            asked["cursor"] = page["next_cursor"]

    def answers(self, service: str) -> bool:
        """Return whether a service of this home can be asked: it runs, and there is a key to sign a token."""
        if self._token is None:
            return False
        try:
            return self._clients[service].get("/health/live").is_success
        except httpx2.TransportError:
            return False

    def is_ours(self, service: str) -> bool:
        """Return whether a service takes the token of this home. Of a folder without keys every product is."""
        return (
            self._token is None
            or self.ask(service, "GET", "/v1/set-aside?limit=1").status_code != UNAUTHORIZED
        )

    def ask(
        self,
        service: str,
        method: str,
        path: str,
        *,
        json: Any = None,
        csv: str | None = None,
        query: Mapping[str, str | int] | None = None,
        key: str | None = None,
    ) -> httpx2.Response:
        """Return the answer, also when it is a problem. Raises Refused only when no service answers."""
        headers: dict[str, str] = {"Accept-Language": language()}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        if key is not None:
            headers["Idempotency-Key"] = key
        if csv is not None:
            headers["Content-Type"] = "text/csv"
        client = self._clients[service]
        try:
            return client.request(method, path, json=json, content=csv, params=query, headers=headers)
        except httpx2.ConnectError:
            raise self._nothing_answers(str(client.base_url)) from None
        except httpx2.TransportError as error:
            raise Refused(Exit.FAILED, said("broke_off", address=client.base_url, error=error)) from None


def problem(answer: httpx2.Response) -> str:
    """Describe a refusal in one sentence: the problem document's fields, or its detail, or the status alone."""
    if answer.headers.get("content-type", "").startswith("application/problem+json"):
        document = answer.json()
        if document["code"] == "unavailable":  # its detail speaks of headers, which a terminal does not show
            return f"{said('unavailable')} [unavailable]"
        # The detail of a refusal with fields speaks about a document that a terminal does not show.
        fields = " ".join(
            said("named", name=error["pointer"], words=error["detail"])
            for error in document.get("errors", ())
        )
        title = document["title"]
        words = said("named", name=title, words=fields) if fields else document.get("detail") or title
        return f"{words} [{document['code']}]"
    return said("was_answered", path=answer.url.path, status=answer.status_code)
