"""The request that is made of single frames is one that a server answers."""

import socket

from benchmarks.soak.connections import http2_request
from facewire.v1 import detect_pb2 as pb
from facewire_server.config import Config
from facewire_server.lifecycle.background import BackgroundServer


def test_a_server_answers_the_whole_of_it_and_says_why() -> None:
    message = pb.DetectRequest(encoded_image=b"no image").SerializeToString()
    with (
        BackgroundServer(Config(port=0, metrics_port=None)) as server,
        socket.create_connection(("127.0.0.1", server.port), timeout=30) as peer,
    ):
        peer.sendall(http2_request(message))
        heard = b""
        while b"no JPEG" not in heard:
            more = peer.recv(4096)
            assert more, heard
            heard += more
