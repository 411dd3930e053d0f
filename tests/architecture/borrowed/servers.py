"""What is borrowed of uvicorn and its parser."""

import asyncio
import inspect
from typing import Any, cast

import httptools
import uvicorn
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from shared.run.limited_http import LimitedHttp
from tests.architecture.borrowed.lending import Borrowed, has, takes


async def nothing(scope: Any, receive: Any, send: Any) -> None:
    """An app that never answers."""


def uvicorn_config() -> uvicorn.Config:
    """A configuration as `shared.run.serving` makes it."""
    return uvicorn.Config(nothing, http=LimitedHttp, ws="none", log_config=None)


async def protocol_reads_once_more() -> None:
    protocol = HttpToolsProtocol(uvicorn_config(), ServerState(), {})
    has(protocol, "parser", "headers", "logger")
    has(protocol, "on_message_begin", "on_headers_complete", "on_message_complete", "data_received")
    assert "self.url = " in inspect.getsource(HttpToolsProtocol.on_message_begin)
    parser = httptools.HttpRequestParser(protocol)
    parser.set_dangerous_leniencies(lenient_data_after_close=True)
    has(parser, "feed_data", "should_upgrade", "get_http_version", "get_method")
    assert issubclass(httptools.HttpParserUpgrade, Exception)


async def protocol_goes_on_after_an_answer() -> None:
    protocol = HttpToolsProtocol(uvicorn_config(), ServerState(), {})
    has(protocol, "on_url", "on_header", "on_body", "on_response_complete", "_unset_keepalive_if_required")
    assert "self.url += url" in inspect.getsource(HttpToolsProtocol.on_url)
    assert "self.headers.append(" in inspect.getsource(HttpToolsProtocol.on_header)
    assert "self.flow.resume_reading()" in inspect.getsource(HttpToolsProtocol.on_response_complete)
    assert "on_response=self.on_response_complete" in inspect.getsource(HttpToolsProtocol.on_headers_complete)
    has(FlowControl(cast(asyncio.Transport, None)), "pause_reading", "resume_reading")


async def protocol_has_deadlines() -> None:
    protocol = HttpToolsProtocol(uvicorn_config(), ServerState(), {})
    has(protocol, "transport", "loop", "flow", "cycle", "timeout_keep_alive", "timeout_keep_alive_task")
    takes(protocol.connection_made, "transport")
    takes(protocol.connection_lost, "exc")
    takes(protocol.timeout_keep_alive_handler)
    has(protocol, "pause_writing", "resume_writing", "client")
    assert FlowControl(cast(asyncio.Transport, None)).read_paused is False


async def cycle_can_be_given_up() -> None:
    given = dict.fromkeys(inspect.signature(RequestResponseCycle).parameters)
    cycle = RequestResponseCycle(**given | {"keep_alive": True, "scope": {}})  # type: ignore[arg-type]  # by name
    assert (cycle.response_started, cycle.response_complete, cycle.disconnected) == (False, False, False)
    assert cycle.keep_alive is True
    has(cycle, "scope")
    has(cycle, "message_event")


async def status_lines_are_whole() -> None:
    assert STATUS_LINE[503] == b"HTTP/1.1 503 Service Unavailable\r\n"


async def server_can_be_told_to_close() -> None:
    config = uvicorn_config()
    config.load()
    server = uvicorn.Server(config)
    assert isinstance(config.encoded_headers, list)
    assert isinstance(server.server_state.default_headers, list)
    assert isinstance(server.server_state.connections, set)
    assert server.should_exit is False
    takes(server.shutdown, "sockets")
    assert hasattr(server.capture_signals(), "__enter__")
    assert "await self.main_loop()" in inspect.getsource(uvicorn.Server._serve)
    source = inspect.getsource(uvicorn.Server)
    assert "self.servers" in source, "the listening servers, which are closed first"
    assert "self.lifespan = " in source
    assert "state=self.lifespan.state" in source or "app_state=self.lifespan.state" in source
    takes(HttpToolsProtocol, "config", "server_state", "app_state")
    takes(HttpToolsProtocol.shutdown)


BORROWED = (
    Borrowed(
        "uvicorn",
        "HttpToolsProtocol and its parser",
        "shared/run/plain_http.py",
        ("HttpToolsProtocol", "lenient_data_after_close"),
        protocol_reads_once_more,
    ),
    Borrowed(
        "uvicorn",
        "the callbacks of HttpToolsProtocol, and how it goes on after an answer",
        "shared/run/bounded_http.py",
        (
            "on_url",
            "on_header",
            "on_body",
            "on_response_complete",
            "_unset_keepalive_if_required",
            "flow.pause_reading",
        ),
        protocol_goes_on_after_an_answer,
    ),
    Borrowed(
        "uvicorn",
        "the timers and the flow of HttpToolsProtocol",
        "shared/run/limited_http.py",
        ("timeout_keep_alive_task", "flow.read_paused", "_unset_keepalive_if_required"),
        protocol_has_deadlines,
    ),
    Borrowed(
        "uvicorn",
        "RequestResponseCycle",
        "shared/run/bounded_http.py",
        ("RequestResponseCycle", "cycle.disconnected", "cycle.message_event", "response_complete"),
        cycle_can_be_given_up,
    ),
    Borrowed(
        "uvicorn", "STATUS_LINE", "shared/run/bounded_http.py", ("STATUS_LINE",), status_lines_are_whole
    ),
    Borrowed(
        "uvicorn",
        "Server, its state and how it makes a protocol",
        "shared/run/serving.py",
        ("capture_signals", "main_loop", "server_state.default_headers", "encoded_headers", "lifespan.state"),
        server_can_be_told_to_close,
    ),
    Borrowed(
        "httptools",
        "HttpRequestParser",
        "shared/run/plain_http.py",
        ("HttpParserUpgrade", "set_dangerous_leniencies", "should_upgrade"),
        protocol_reads_once_more,
    ),
)
