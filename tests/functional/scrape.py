# SPDX-License-Identifier: BSD-3-Clause
# usage: scrape.py HOST:PORT COUNT RATE SILENT
#
# Reads /metrics COUNT times, RATE times a second or as often as it comes, while SILENT other
# connections have sent half a request and say no more. Prints how long that took. Exit status 1 when
# one was not whole, or no histogram was in it.
import http.client
import socket
import sys
import time

host, port = sys.argv[1].rsplit(':', 1)
count, rate, silent_count = int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])

silent = []
for _ in range(silent_count):
	connection = socket.create_connection((host, int(port)), timeout=5)
	connection.sendall(b'GET /metr')
	silent.append(connection)

client = http.client.HTTPConnection(host, int(port), timeout=5)
begin = time.monotonic()
for scrape in range(count):
	client.request('GET', '/metrics')
	response = client.getresponse()
	body = response.read()
	if response.status != 200 or not body.endswith(b'\n') or \
			b'\nmillrace_proxy_request_duration_seconds_bucket{' not in body:
		sys.exit(f'not the metrics: {response.status} {body[-200:]!r}')
	time.sleep(max(0, begin + (scrape + 1) / rate - time.monotonic()))
print(f'{count} scrapes in {time.monotonic() - begin:.1f} s')
