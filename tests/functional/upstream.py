# SPDX-License-Identifier: BSD-3-Clause
"""usage: upstream.py ADDRESS SECONDS [STRINGS [RCODE]]

Answers every query over UDP at ADDRESS, port 53, after SECONDS: NXDOMAIN below a label "absent",
else RCODE (0, NOERROR, by default) with STRINGS TXT records of 200 bytes each (none by default),
however little the client can take. A query with an OPT record gets one."""

import asyncio
import struct
import sys


class Upstream(asyncio.DatagramProtocol):
    def __init__(self, delay, strings, rcode):
        self.delay = delay
        self.strings = strings
        self.rcode = rcode

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, query, client):
        if self.delay:
            asyncio.get_running_loop().call_later(self.delay, self.answer, query, client)
        else:
            self.answer(query, client)

    def answer(self, query, client):
        rcode = 3 if b"\x06absent" in query else self.rcode
        end = query.index(b"\0", 12) + 5
        has_opt = query[10:12] != b"\0\0"
        counts = struct.pack("!4H", 1, self.strings, 0, has_opt)
        message = query[:2] + bytes([0x80 | query[2], 0x80 | rcode]) + counts + query[12:end]
        for index in range(self.strings):
            # Name by pointer, TXT, IN, TTL, length, one string.
            message += struct.pack("!3HIHB", 0xC00C, 16, 1, 60, 188, 187) + b"%0187d" % index
        if has_opt:
            message += struct.pack("!BHHIH", 0, 41, 1232, 0, 0)
        self.transport.sendto(message, client)


async def serve(address, delay, strings=0, rcode=0):
    loop = asyncio.get_running_loop()
    await loop.create_datagram_endpoint(
        lambda: Upstream(delay, strings, rcode), local_addr=(address, 53)
    )
    print("ready", flush=True)
    await asyncio.Event().wait()


asyncio.run(serve(sys.argv[1], float(sys.argv[2]), *map(int, sys.argv[3:])))
