"""`hongyan up` says that it is ready when somebody could connect, and not before."""

import socket

from cluster.supervise import accepts


def test_a_listener_is_seen_and_its_end_too() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert accepts(f"127.0.0.1:{port}")
        assert accepts(f"0.0.0.0:{port}")
        assert accepts(f":{port}")
    assert not accepts(f"127.0.0.1:{port}")
    assert not accepts("127.0.0.1:no port")
