"""TLS and mTLS: who may connect, and that nothing goes out in clear or with a certificate that has expired."""

import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from hongyan_client import Client, HongyanClientError
from hongyan_client.channel import Tls

from actors.model.errors import InvalidInput
from gateway.rpc.listen import Listen
from tests.fakes.certificates import Authority, Pair
from tests.fakes.gateway import Place, in_thread


def listen(server: Pair, client_ca: Path | None = None) -> Listen:
    return Listen("127.0.0.1:0", server.cert, server.key, client_ca)


def code(target: str, key: str, tls: Tls) -> str:
    with Client(target, key, tls=tls, patience=0) as client:
        return code_of(client)


def code_of(client: Client) -> str:
    try:
        client.list()
    except HongyanClientError as error:
        return error.code
    return "OK"


def test_tls_needs_the_right_authority(tmp_path):
    ours, theirs = Authority(tmp_path), Authority(tmp_path, "other authority")
    with in_thread(Place(tmp_path, listen=listen(ours.issue("server")))) as served:
        key = served.place.keys["acme"]
        assert code(served.target, key, Tls(ours.ca)) == "OK"
        assert code(served.target, "hy_wrong", Tls(ours.ca)) == "UNAUTHENTICATED"
        assert code(served.target, key, Tls(theirs.ca)) == "UNAVAILABLE"


def test_mtls_needs_a_certificate_of_the_clients_authority(tmp_path):
    ours, theirs = Authority(tmp_path), Authority(tmp_path, "other authority")
    good, stranger, expired = ours.issue("client"), theirs.issue("stranger"), ours.issue("expired", days=-1)
    with in_thread(Place(tmp_path, listen=listen(ours.issue("server"), ours.ca))) as served:
        key = served.place.keys["acme"]
        assert code(served.target, key, Tls(ours.ca, good.cert, good.key)) == "OK"
        assert code(served.target, "hy_wrong", Tls(ours.ca, good.cert, good.key)) == "UNAUTHENTICATED"
        assert code(served.target, key, Tls(ours.ca)) == "UNAVAILABLE"
        assert code(served.target, key, Tls(ours.ca, stranger.cert, stranger.key)) == "UNAVAILABLE"
        assert code(served.target, key, Tls(ours.ca, expired.cert, expired.key)) == "UNAVAILABLE"


def test_a_gateway_does_not_start_with_an_expired_certificate(tmp_path):
    expired = Authority(tmp_path).issue("server", days=-2)
    with pytest.raises(InvalidInput, match="expired on"), in_thread(Place(tmp_path, listen=listen(expired))):
        pass


def test_a_client_refuses_a_gateway_whose_certificate_has_expired(tmp_path):
    """The certificate of a server that is not ours: ours would not start with it."""
    authority = Authority(tmp_path)
    expired = authority.issue("server", days=-2)
    server = grpc.server(ThreadPoolExecutor(1))
    credentials = grpc.ssl_server_credentials([(expired.key.read_bytes(), expired.cert.read_bytes())])
    port = server.add_secure_port("127.0.0.1:0", credentials)
    server.start()
    try:
        with (
            pytest.raises(HongyanClientError) as caught,
            Client(f"127.0.0.1:{port}", "hy_x", tls=Tls(authority.ca), patience=0) as client,
        ):
            client.list()
        assert caught.value.code == "UNAVAILABLE"
    finally:
        server.stop(0).wait()


def test_a_tls_gateway_speaks_no_plain_text(tmp_path):
    with in_thread(Place(tmp_path, listen=listen(Authority(tmp_path).issue("server")))) as served:
        with grpc.insecure_channel(served.target) as channel, pytest.raises(grpc.RpcError) as caught:
            health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=60)
        assert caught.value.code() == grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize(("plaintext", "greeting"), [(False, b"\x16\x03"), (True, b"PRI * HTTP/2")])
def test_a_key_leaves_in_clear_for_another_machine_only_when_told(plaintext, greeting):
    """A target in gRPC's own spelling could be any machine to the client; here it is this one."""
    codes: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(60)
        client = Client(f"ipv4:127.0.0.1:{listener.getsockname()[1]}", "hy_secret", plaintext=plaintext, patience=0)
        asking = threading.Thread(target=lambda: codes.append(code_of(client)))
        asking.start()
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(60)
            assert connection.recv(4096).startswith(greeting)
        asking.join(20)
        client.close()
    assert codes == ["UNAVAILABLE"]
