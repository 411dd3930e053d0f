"""HTTP/1.1 without upgrades: a request to change the protocol is answered as if it had not asked, as the standard allows.

The parser ends a message at an `Upgrade` and takes its body for another protocol's first bytes: a POST of `curl --http2`
would lose its body, and one that asks for a WebSocket would never be answered (RFC 9110, section 7.8).
"""

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

INVITATION = frozenset((b"upgrade", b"http2-settings", b"connection"))
INVITATIONS_MAX = 100
"""The most requests in one piece of data that ask to change the protocol. Honest clients send one."""


class PlainHttp(HttpToolsProtocol):
    """Parses a request that asks for another protocol again, without the headers that ask."""

    def parse(self, data: bytes) -> bool:
        """Parse the data, and a request that asks for another protocol again. Return whether it is HTTP."""
        try:
            for _ in range(INVITATIONS_MAX):
                try:
                    self.parser.feed_data(data)
                except httptools.HttpParserUpgrade as invited:
                    data = self._head() + data[invited.args[0] :]
                    self.parser = httptools.HttpRequestParser(self)
                    # As uvicorn sets its own: else what follows a last request refuses one that is being answered.
                    self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
                else:
                    return True
        except httptools.HttpParserError:
            pass
        return False

    def on_headers_complete(self) -> None:
        """Begin to answer, unless the head will be parsed again."""
        if not self.parser.should_upgrade():
            super().on_headers_complete()

    def on_message_complete(self) -> None:
        """End the body, unless the head will be parsed again."""
        if not self.parser.should_upgrade():
            super().on_message_complete()

    def _head(self) -> bytes:
        """Return the request's head without the headers that ask. `Connection: close` is preserved."""
        headers = [(name, value) for name, value in self.headers if name not in INVITATION]
        options = b",".join(value for name, value in self.headers if name == b"connection").lower()
        if b"close" in (token.strip() for token in options.split(b",")):
            headers.append((b"connection", b"close"))
        version = self.parser.get_http_version().encode()
        first = self.parser.get_method() + b" " + self.url + b" HTTP/" + version
        return b"\r\n".join([first, *(name + b": " + value for name, value in headers), b"", b""])
