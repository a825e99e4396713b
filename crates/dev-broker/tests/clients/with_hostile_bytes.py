"""Bytes that are no requests, while a real client goes on working."""

import os
import random
import socket
import struct

from checks import check, fresh
from with_confluent import consumer, create, producer, send, take

API_KEYS = [0, 1, 2, 3, 8, 9, 10, 11, 12, 13, 14, 15, 16, 18, 19, 20, 21, 22, 23, 32, 37, 42, 44, 60]
CONNECTIONS = 200
SEED = 7


def frame(rng):
    """A request with a sound beginning, and behind it anything; often lengths that cannot be."""
    body = os.urandom(rng.randrange(120))
    if rng.random() < 0.4:
        body = struct.pack(">hi", 0, rng.choice([-1, 2**31 - 1, 2**30, 1_000_000, 5])) + body
    if rng.random() < 0.3:
        body = struct.pack(">h", 3) + b"abc\x00\xff\xff\xff\xff\x07" + body
    request = struct.pack(">hhi", rng.choice(API_KEYS), rng.randrange(14), 1) + body
    return struct.pack(">i", len(request)) + request


@check
def random_frames(address):
    host, port = address.rsplit(":", 1)
    rng = random.Random(SEED)
    topic = create(address)
    writer, reader = producer(address), consumer(address)
    reader.subscribe([topic])
    for i in range(CONNECTIONS):
        with socket.create_connection((host, int(port)), 5) as connection:
            connection.settimeout(0.005)
            try:
                for _ in range(10):
                    connection.sendall(frame(rng))
                    connection.recv(65536)
            except OSError:
                pass  # closed by the broker, or no answer in time
        if i % 50 == 0:
            send(writer, topic, [b"%d" % i])
    assert [message.value() for message in take(reader, 4)] == [b"0", b"50", b"100", b"150"], f"seed {SEED}"
    reader.close()
    send(producer(address), fresh("topic"), [b"x"])
