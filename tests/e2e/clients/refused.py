"""1,000 requests over kept-alive connections, every second one refused before its body is read: refused.py CLIENT"""

import http.client
import json
import os
import sys
from urllib.parse import urlsplit

URL = os.environ["MCP_URL"]
CALL = os.environ["CALL"].encode()
HEADERS = json.loads(os.environ["HEADERS"])
LARGE = b"x" * 200_000
TOO_LARGE = b"x" * 6_400_000

# status, method, path after the endpoint's, other headers, body
REFUSALS = [
    (403, "POST", "", {"origin": "https://elsewhere.example"}, LARGE),
    (404, "POST", "/elsewhere", {}, LARGE),
    (405, "PUT", "", {}, LARGE),
    (406, "POST", "", {"accept": "text/html"}, LARGE),
    (415, "POST", "", {"content-type": "text/plain"}, LARGE),
    (413, "POST", "", {}, TOO_LARGE),
]


def with_httpx2():
    import httpx2

    client = httpx2.Client(timeout=20, trust_env=False)

    def send(method, path, headers, body):
        return client.request(method, URL + path, headers=headers, content=body).status_code

    return send


def with_http_client():
    to = urlsplit(URL)
    connection = http.client.HTTPConnection(to.hostname, to.port, timeout=20)

    def send(method, path, headers, body):
        connection.request(method, to.path + path, body, headers)
        response = connection.getresponse()
        response.read()
        return response.status

    return send


def main(client):
    send = {"httpx2": with_httpx2, "http.client": with_http_client}[client]()
    lost = 0
    for number in range(500):
        status, method, path, headers, body = REFUSALS[5 if number % 50 == 0 else number % 5]
        for expected, request in (
            (status, (method, path, {**HEADERS, **headers}, body)),
            (200, ("POST", "", HEADERS, CALL)),
        ):
            try:
                found = send(*request)
            except Exception as error:  # whatever the client makes of a connection that breaks
                found = repr(error)
            if found != expected:
                lost += 1
                print(f"request {number}: expected {expected}, found {found}", file=sys.stderr)
    print(f"1000 requests, {lost} lost")
    return 1 if lost else 0


sys.exit(main(sys.argv[1]))
