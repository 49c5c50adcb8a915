# SPDX-License-Identifier: BSD-3-Clause
"""usage: stream_client.py MODE SERVER PORT [--tls CA] [--count N] [--seconds S] [--together]
                        [--source ADDRESS]

A client of TCP or TLS that does as MODE says, checks what has to come of it, and exits 0:

  pipeline      N queries at once on one connection; each is answered, in any order
  half-close    the same, and the end of its own side behind the last query
  one-by-one    N queries, each after the answer to the one before, with pauses in the length's middle
  slow          one byte a second; is closed before S seconds are over
  length        a length of 65,535 and no more; is closed within S seconds
  short         a message of 5 bytes; is closed at once
  idle          N connections of which nothing comes; prints how many are open after S seconds
  no-reading    N queries of which it reads no answer; prints how many bytes it could send
  idle-timeout  one query; prints after how many seconds it is closed
"""

import argparse
import select
import socket
import ssl
import struct
import sys
import time


def connect(options):
    source = (options.source, 0) if options.source else None
    connection = socket.create_connection((options.server, options.port), 10, source)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if options.tls:
        context = ssl.create_default_context(cafile=options.tls)
        connection = context.wrap_socket(connection, server_hostname=options.server)
    return connection


def query_of(identifier, name="n%d.wild.example.test"):
    labels = (name % identifier if "%" in name else name).split(".")
    question = b"".join(bytes([len(label)]) + label.encode() for label in labels) + b"\0"
    message = struct.pack("!6H", identifier, 0x0100, 1, 0, 0, 0) + question + b"\0\1\0\1"
    return struct.pack("!H", len(message)) + message


def read_exactly(connection, length):
    data = b""
    while len(data) < length:
        piece = connection.recv(length - len(data))
        if not piece:
            raise EOFError("the server ended the connection")
        data += piece
    return data


def read_answer(connection):
    return read_exactly(connection, struct.unpack("!H", read_exactly(connection, 2))[0])


def fail(text):
    sys.exit("stream_client: " + text)


def read_all_answers(connection, count):
    missing = set(range(count))
    order = []
    for _ in range(count):
        answer = read_answer(connection)
        identifier, flags = struct.unpack("!2H", answer[:4])
        if flags & 0x800F != 0x8000:
            fail(f"answer {identifier} has flags {flags:#x}")
        if identifier not in missing:
            fail(f"an answer with id {identifier}")
        missing.remove(identifier)
        order.append(identifier)
    print("in order" if order == sorted(order) else "out of order")


def pipeline(options):
    connection = connect(options)
    queries = [query_of(index) for index in range(options.count)]
    # With --together several messages are in one TLS record.
    for piece in [b"".join(queries)] if options.together else queries:
        connection.sendall(piece)
    if options.mode == "half-close":
        connection.shutdown(socket.SHUT_WR)
    read_all_answers(connection, options.count)
    if options.mode == "half-close" and connection.recv(1):
        fail("more than all answers")


def one_by_one(options):
    connection = connect(options)
    for index in range(options.count):
        query = query_of(index)
        for piece in (query[:1], query[1:2], query[2:20], query[20:]):
            connection.sendall(piece)
            time.sleep(0.01)
        if read_answer(connection)[:2] != struct.pack("!H", index):
            fail("an answer with another id")


# True when the server has ended the connection within so many seconds.
def is_closed(connection, seconds):
    connection.settimeout(seconds)
    try:
        return connection.recv(1) == b""
    except (TimeoutError, socket.timeout):
        return False
    except OSError:
        return True


def slow(options):
    connection = connect(options)
    began = time.monotonic()
    query = query_of(1, "a" * 60 + ".wild.example.test")
    for byte in query:
        try:
            connection.sendall(bytes([byte]))
        except OSError:
            break
        if is_closed(connection, 1):
            break
        if time.monotonic() - began > options.seconds:
            fail(f"is open after {options.seconds} s")
    else:
        fail("all was taken")
    print(f"closed after {time.monotonic() - began:.1f} s")


def length(options):
    connection = connect(options)
    began = time.monotonic()
    connection.sendall(b"\xff\xff" if options.mode == "length" else b"\0\5abcde")
    if not is_closed(connection, options.seconds):
        fail(f"is open after {options.seconds} s")
    print(f"closed after {time.monotonic() - began:.1f} s")


# A veth has room for 256 frames, and what comes on top is lost, also others' datagrams.
def close_slowly(connections):
    for index, connection in enumerate(connections):
        connection.close()
        if index % 64 == 63:
            time.sleep(0.005)


def idle(options):
    connections = []
    refused = 0
    for _ in range(options.count):
        try:
            connections.append(connect(options))
        except OSError:
            refused += 1
    print("connected", flush=True)
    time.sleep(options.seconds)
    poll = select.poll()
    for connection in connections:
        poll.register(connection, select.POLLIN | select.POLLHUP | select.POLLERR)
    closed = len(poll.poll(0))
    print(f"open {len(connections) - closed} closed {closed} refused {refused}")
    close_slowly(connections)


def no_reading(options):
    connection = connect(options)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.setblocking(False)
    # Answers of 4,000 bytes.
    queries = b"".join(query_of(index & 0xFFFF, "large.example.test")[:-4] + b"\0\x10\0\1"
                       for index in range(options.count))
    sent = 0
    deadline = time.monotonic() + options.seconds
    while sent < len(queries) and time.monotonic() < deadline:
        _, writable, _ = select.select([], [connection], [], 0.5)
        if not writable:
            continue
        try:
            sent += connection.send(queries[sent:sent + 16384])
        except ssl.SSLWantWriteError:
            continue
        except OSError:
            print(f"sent {sent} closed")
            return
    print(f"sent {sent} open")
    time.sleep(max(0, deadline - time.monotonic()))


def idle_timeout(options):
    connection = connect(options)
    connection.sendall(query_of(1))
    read_answer(connection)
    began = time.monotonic()
    if not is_closed(connection, options.seconds):
        fail(f"is open after {options.seconds} s")
    print(f"{time.monotonic() - began:.1f}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("mode")
    parser.add_argument("server")
    parser.add_argument("port", type=int)
    parser.add_argument("--tls")
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--source")
    parser.add_argument("--together", action="store_true")
    options = parser.parse_args()
    modes = {"pipeline": pipeline, "half-close": pipeline, "one-by-one": one_by_one,
             "slow": slow, "length": length, "short": length, "idle": idle,
             "no-reading": no_reading, "idle-timeout": idle_timeout}
    modes[options.mode](options)


main()
