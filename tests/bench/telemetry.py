# SPDX-License-Identifier: BSD-3-Clause
"""usage: telemetry.py FILE-PREFIX COMMAND...

Prints the answers of a DPDK process to telemetry commands, as one JSON object.
"""
import json
import socket
import sys


def ask(prefix, commands):
    answers = {}
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as process:
        process.settimeout(5)
        process.connect(f"/var/run/dpdk/{prefix}/dpdk_telemetry.v2")
        longest = json.loads(process.recv(1024))["max_output_len"]
        for command in commands:
            process.send(command.encode())
            answers.update(json.loads(process.recv(longest)))
    return answers


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    json.dump(ask(sys.argv[1], sys.argv[2:]), sys.stdout)
