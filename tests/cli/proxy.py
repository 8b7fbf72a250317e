"""What may stand between a caller and a gateway: it passes everything on, but for what it is told to do to streams."""

import http.client
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import NamedTuple, Self, cast


class Asked(NamedTuple):
    """A request that was passed on, or not."""

    path: str
    last_event_id: str


class Proxy(ThreadingHTTPServer):
    """`cut_after_events`: streams break off after so many; `no_streams`: there are none."""

    daemon_threads = True

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.port = port
        self.asked: list[Asked] = []
        self.cut_after_events = 0
        self.no_streams = False
        self._serving = Thread(target=self.serve_forever, args=[0.01])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def __enter__(self) -> Self:
        self._serving.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.shutdown()
        self._serving.join()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        proxy = cast(Proxy, self.server)
        path = self.path.partition("?")[0]
        proxy.asked.append(Asked(self.path, self.headers["last-event-id"] or ""))
        if path.endswith("/events") and proxy.no_streams:
            self.send_error(501)
            return
        connection = http.client.HTTPConnection("127.0.0.1", proxy.port)
        body = self.rfile.read(int(self.headers["content-length"] or 0))
        try:
            connection.request(self.command, self.path, body, dict(self.headers))
            self._pass_on(connection.getresponse(), proxy.cut_after_events if path.endswith("/events") else 0)
        finally:
            connection.close()

    do_POST = do_GET  # noqa: N815 - http.server's name

    def _pass_on(self, answer: http.client.HTTPResponse, most_events: int) -> None:
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("transfer-encoding", "connection"):
                self.send_header(name, value)
        self.end_headers()
        for part in _lines(answer, most_events):
            self.wfile.write(part)
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def _lines(answer: http.client.HTTPResponse, most_events: int) -> Iterator[bytes]:
    events = 0
    for line in answer:
        yield line
        events += line == b"\n"
        if most_events and events == most_events:
            return
