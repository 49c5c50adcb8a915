# SPDX-License-Identifier: BSD-3-Clause
"""usage: name_server.py ADDRESS FILE

Answers over UDP at ADDRESS, port 53, whatever the name is, by what stands in FILE then: "TTL
ADDRESS...", or "nxdomain", "servfail" or "silent"."""

import asyncio
import ipaddress
import struct
import sys

RCODES = {"servfail": 2, "nxdomain": 3}


class Server(asyncio.DatagramProtocol):
    def __init__(self, path):
        self.path = path

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, query, client):
        with open(self.path, encoding="ascii") as file:
            word, *addresses = file.read().split()
        if word != "silent":
            self.transport.sendto(answer(query, word, addresses), client)


def answer(query, word, addresses):
    end = query.index(b"\0", 12) + 5
    version = {1: 4, 28: 6}.get(struct.unpack("!H", query[end - 4 : end - 2])[0])
    records = b""
    count = 0
    for address in map(ipaddress.ip_address, addresses):
        if address.version == version:
            records += b"\xc0\x0c" + query[end - 4 : end] + struct.pack("!I", int(word))
            records += struct.pack("!H", len(address.packed)) + address.packed
            count += 1
    header = query[:2] + bytes([0x80 | query[2], 0x80 | RCODES.get(word, 0)])
    return header + struct.pack("!4H", 1, count, 0, 0) + query[12:end] + records


async def serve(address, path):
    loop = asyncio.get_running_loop()
    await loop.create_datagram_endpoint(lambda: Server(path), local_addr=(address, 53))
    print("ready", flush=True)
    await asyncio.Event().wait()


asyncio.run(serve(sys.argv[1], sys.argv[2]))
