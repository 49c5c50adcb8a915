# SPDX-License-Identifier: BSD-3-Clause
# usage: scrape.py HOST:PORT SECONDS RATE SILENT
#
# Reads /metrics RATE times a second, while SILENT other connections have sent half a request and say
# no more. Prints how many were read. Exit status 1 when one was not whole, or no histogram was in it.
import http.client
import socket
import sys
import time

host, port = sys.argv[1].rsplit(':', 1)
seconds, rate, silent_count = float(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])

silent = []
for _ in range(silent_count):
	connection = socket.create_connection((host, int(port)), timeout=5)
	connection.sendall(b'GET /metr')
	silent.append(connection)

client = http.client.HTTPConnection(host, int(port), timeout=5)
begin = time.monotonic()
scrapes = 0
while (now := time.monotonic()) < begin + seconds:
	client.request('GET', '/metrics')
	response = client.getresponse()
	body = response.read()
	if response.status != 200 or not body.endswith(b'\n') or \
			b'\nmillrace_proxy_request_duration_seconds_bucket{' not in body:
		sys.exit(f'not the metrics: {response.status} {body[-200:]!r}')
	scrapes += 1
	time.sleep(max(0, begin + scrapes / rate - time.monotonic()))
print(scrapes)
