# SPDX-License-Identifier: BSD-3-Clause
"""usage: steady_client.py SERVER RATE SECONDS NAME

Asks RATE questions a second over UDP for SECONDS, or until SIGINT, whatever becomes of them: NAME
with each "N" that stands for a label replaced by a number of its own. Prints a line for each in the
order of asking: when it was asked (seconds since 1970), the milliseconds until its answer and its
rcode, or "lost" for both after 3 s. A first line says "ready"."""

import asyncio
import signal
import struct
import sys
import time


class Client(asyncio.DatagramProtocol):
    def __init__(self):
        self.answers = {}

    def datagram_received(self, data, address):
        number, flags = struct.unpack("!HH", data[:4])
        self.answers.setdefault(number, (time.monotonic(), flags & 15))


def question(number, name):
    message = struct.pack("!6H", number, 0x0100, 1, 0, 0, 0)
    for label in name.split("."):
        label = str(number) if label == "N" else label
        message += bytes([len(label)]) + label.encode()
    return message + struct.pack("!BHH", 0, 1, 1)


async def ask(server, rate, seconds, name):
    loop = asyncio.get_running_loop()
    transport, client = await loop.create_datagram_endpoint(Client, remote_addr=(server, 53))
    asked = []
    is_over = asyncio.Event()
    loop.add_signal_handler(signal.SIGINT, is_over.set)
    start = time.monotonic()
    epoch = time.time() - start
    print("ready", flush=True)
    for number in range(int(rate * seconds)):
        await asyncio.sleep(max(0, start + number / rate - time.monotonic()))
        if is_over.is_set():
            break
        asked.append(time.monotonic())
        transport.sendto(question(number, name))
    give_up = time.monotonic() + 3
    while len(client.answers) < len(asked) and time.monotonic() < give_up:
        await asyncio.sleep(0.01)
    for number, at in enumerate(asked):
        answered, rcode = client.answers.get(number, (None, "lost"))
        took = "lost" if answered is None else f"{(answered - at) * 1000:.1f}"
        print(f"{epoch + at:.3f} {took} {rcode}")


asyncio.run(ask(sys.argv[1], float(sys.argv[2]), float(sys.argv[3]), sys.argv[4]))
