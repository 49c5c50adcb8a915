# SPDX-License-Identifier: BSD-3-Clause
"""usage: stream_upstream.py ADDRESS:PORT MODE [CERTIFICATE KEY [CA]]

Answers queries over TCP, or over TLS with a certificate, as MODE says;
with a CA, clients need a certificate of it:

  good            each at once
  slow            each after 50 ms, so that many are in flight
  close           one a connection, then the end
  close-idle      each at once; ends connections that are idle for 0.5 s
  half            half of an answer, then the end
  half-second     the first of a connection; half of the second, then the end
  reset           each at once, but resets the connection in one of ten cases
  reset-all       resets the connection as soon as a query comes
  reorder         those of 20 ms, the last first
  garbage         the right id, and then what is no answer
  garbage-some    the same in one of ten cases
  other-question  the right id and another question, then the good answer
  silent          takes everything and says nothing
  no-reading      reads nothing at all
  end             ends each connection as soon as it is there

Answers are NXDOMAIN below a label "absent", else one A record. UDP at the same address and port gets
an answer with TC. SIGUSR1 has it print a line of counts."""

import asyncio
import collections
import random
import signal
import socket
import ssl
import struct
import sys

counts = collections.Counter(connections=0, open=0, most_open=0, queries=0, most_in_flight=0,
                             resumed=0, ends_with_eof=0, udp=0)
dice = random.Random(53)


def answer_to(query):
    end = query.index(b"\0", 12) + 5
    absent = b"\x06absent" in query[12:end]
    has_opt = query[10:12] != b"\0\0"
    counts_of_sections = struct.pack("!4H", 1, 0 if absent else 1, 0, has_opt)
    message = query[:2] + bytes([0x80 | query[2], 0x80 | (3 if absent else 0)])
    message += counts_of_sections + query[12:end]
    if not absent:
        message += struct.pack("!3HIH4B", 0xC00C, 1, 1, 60, 4, 192, 0, 2, 1)
    if has_opt:
        message += struct.pack("!BHHIH", 0, 41, 1232, 0, 0)
    return message


class Connection:
    def __init__(self, mode, reader, writer):
        self.mode = mode
        self.reader = reader
        self.writer = writer
        self.waiting = []
        self.in_flight = 0
        self.seen = 0

    def send(self, message):
        if not self.writer.is_closing():
            self.writer.write(struct.pack("!H", len(message)) + message)

    def reset(self):
        raw = self.writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    def answer(self, query):
        self.in_flight -= 1
        self.send(answer_to(query))

    def answer_waiting(self):
        for query in reversed(self.waiting):
            self.answer(query)
        self.waiting = []

    # True: the connection goes on.
    async def take(self, query):
        loop = asyncio.get_running_loop()
        message = answer_to(query)
        mode = self.mode
        if mode in ("half", "half-second"):
            if mode == "half-second" and self.seen == 1:
                self.answer(query)
                return True
            self.writer.write(struct.pack("!H", len(message)) + message[:len(message) // 2])
            return False
        if mode == "silent":
            return True
        if mode == "slow":
            loop.call_later(0.05, self.answer, query)
            return True
        if mode == "reorder":
            if not self.waiting:
                loop.call_later(0.02, self.answer_waiting)
            self.waiting.append(query)
            return True
        if mode == "reset-all" or (mode == "reset" and dice.random() < 0.1):
            self.reset()
            return True
        if mode == "garbage" or (mode == "garbage-some" and dice.random() < 0.1):
            self.in_flight -= 1
            self.send(query[:2] + b"\x80\x80" + bytes(dice.randrange(256) for _ in range(40)))
            return True
        if mode == "other-question":
            self.send(message[:13] + b"x" + message[14:])
        self.answer(query)
        return mode != "close"

    async def serve(self):
        wait = 0.5 if self.mode == "close-idle" else None
        while True:
            length = await asyncio.wait_for(self.reader.readexactly(2), wait)
            query = await self.reader.readexactly(struct.unpack("!H", length)[0])
            counts["queries"] += 1
            self.seen += 1
            self.in_flight += 1
            counts["most_in_flight"] = max(counts["most_in_flight"], self.in_flight)
            if not await self.take(query):
                return


async def run(mode, reader, writer):
    tls = writer.get_extra_info("ssl_object")
    counts["connections"] += 1
    counts["open"] += 1
    counts["most_open"] = max(counts["most_open"], counts["open"])
    counts["resumed"] += bool(tls and tls.session_reused)
    try:
        if mode == "no-reading":
            writer.transport.pause_reading()
            await asyncio.Event().wait()
        if mode != "end":
            await Connection(mode, reader, writer).serve()
    except asyncio.IncompleteReadError as error:
        counts["ends_with_eof"] += not error.partial
    except (OSError, asyncio.TimeoutError):
        pass
    finally:
        counts["open"] -= 1
        writer.close()


class Truncated(asyncio.DatagramProtocol):
    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, query, client):
        counts["udp"] += 1
        end = query.index(b"\0", 12) + 5
        self.transport.sendto(query[:2] + bytes([0x82 | query[2], 0x80]) +
                              struct.pack("!4H", 1, 0, 0, 0) + query[12:end], client)


def print_counts():
    print("counts", " ".join(f"{name}={value}" for name, value in counts.items()), flush=True)


async def serve(endpoint, mode, certificate=None, key=None, ca=None):
    address, port = endpoint.rsplit(":", 1)
    loop = asyncio.get_running_loop()
    context = None
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        if ca:
            context.load_verify_locations(ca)
            context.verify_mode = ssl.CERT_REQUIRED
        context.set_alpn_protocols(["dot"])
    loop.add_signal_handler(signal.SIGUSR1, print_counts)
    await asyncio.start_server(lambda *ends: run(mode, *ends), address, int(port), ssl=context,
                               backlog=512)
    await loop.create_datagram_endpoint(Truncated, local_addr=(address, int(port)))
    print("ready", flush=True)
    await asyncio.Event().wait()


asyncio.run(serve(*sys.argv[1:]))
