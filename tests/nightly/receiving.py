"""A receiver of webhooks that keeps what it gets."""

from __future__ import annotations

import http.server
import json
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


class Receiver(http.server.HTTPServer):
    """Keeps the bodies of POSTs and the paths of GETs in `got`; answers with the status `answer`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Keeping)
        self.got: list[Any] = []
        self.answer = 200
        self.asked = 0

    def url(self, path: str = "hook") -> str:
        """The address, as apprise reads it."""
        return f"json://127.0.0.1:{self.server_port}/{path}"

    def titles(self) -> list[str]:
        """The titles of the messages so far, which are forgotten."""
        found = [one["title"] for one in self.got if isinstance(one, dict)]
        self.got.clear()
        return found


class _Keeping(http.server.BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.answer == 200:
            self.server.got.append(json.loads(body))
        self._answer()

    def do_GET(self) -> None:
        self.server.got.append(self.path)
        self._answer()

    def _answer(self) -> None:
        self.server.asked += 1
        self.send_response(self.server.answer)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def receiver() -> Iterator[Receiver]:
    """One that answers until the block ends."""
    server = Receiver()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
