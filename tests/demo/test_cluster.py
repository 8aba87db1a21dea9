"""Throwaway clusters start side by side, keep their ports, and have taken up what `reload` gave them."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING

import psycopg
import pytest

from pgguard.demo.cluster import _close, _reserve
from pgguard.errors import SetupError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pgguard.demo.cluster import Cluster


def test_a_reserved_port_is_given_to_nobody_else() -> None:
    with contextlib.ExitStack() as stack:
        ports = []
        for _ in range(300):
            port, held = _reserve("127.0.0.1")
            stack.callback(_close, held)
            ports.append(port)
        others = []
        for _ in range(300):
            other = stack.enter_context(socket.socket())
            other.bind(("127.0.0.1", 0))
            others.append(other.getsockname()[1])
    assert len(set(ports)) == len(ports)
    assert set(ports).isdisjoint(others)


def test_a_server_keeps_its_port_over_a_restart(new_cluster: Callable[..., Cluster]) -> None:
    one = new_cluster(listen=["127.0.0.1", "127.0.0.2"])
    one.restart()
    for address in ("127.0.0.1", "127.0.0.2"):
        with socket.create_connection((address, one.port), timeout=5):
            pass


def test_a_connection_after_a_reload_has_the_new_files(new_cluster: Callable[..., Cluster]) -> None:
    one = new_cluster(settings={"logging_collector": "on", "log_min_messages": "fatal"})
    for number in range(20):
        one.set(work_mem=f"{100 + number}kB")
        one.reload()
        with psycopg.connect(one.dsn()) as connection:
            assert connection.execute("SHOW work_mem").fetchone() == (f"{100 + number}kB",)


def test_what_kept_a_server_from_starting_is_said(new_cluster: Callable[..., Cluster]) -> None:
    with pytest.raises(SetupError, match=r"did not start: .*no_such_library"):
        new_cluster(settings={"shared_preload_libraries": "no_such_library"})
