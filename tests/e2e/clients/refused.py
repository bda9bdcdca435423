"""1,000 requests over kept-alive connections, every second one refused before its body is read: refused.py CLIENT

PAIRS is JSON: for each kind of refusal, a request that is refused and one that is served; ORDER has the kinds by number.
"""

import http.client
import json
import os
import sys
from urllib.parse import urlsplit

PAIRS = json.loads(os.environ["PAIRS"])
ORDER = json.loads(os.environ["ORDER"])


def with_httpx2():
    import httpx2

    client = httpx2.Client(timeout=20, trust_env=False)

    def send(method, url, headers, body):
        return client.request(method, url, headers=headers, content=body).status_code

    return send


def with_http_client():
    connections = {}

    def send(method, url, headers, body):
        to = urlsplit(url)
        if to.netloc not in connections:
            connections[to.netloc] = http.client.HTTPConnection(to.hostname, to.port, timeout=20)
        connection = connections[to.netloc]
        connection.request(method, to.path, body, headers)
        response = connection.getresponse()
        response.read()
        return response.status

    return send


def main(client):
    send = {"httpx2": with_httpx2, "http.client": with_http_client}[client]()
    bodies = {}
    lost = 0
    for number, kind in enumerate(ORDER):
        for asked in PAIRS[kind]:
            body = asked["body"]
            if isinstance(body, int):
                body = bodies.setdefault(body, b"x" * body)
            else:
                body = body.encode()
            try:
                found = send(asked["method"], asked["url"], asked["headers"], body or None)
            except Exception as error:  # whatever the client makes of a connection that breaks
                found = repr(error)
            if found != asked["status"]:
                lost += 1
                print(f"request {number}: expected {asked['status']}, found {found}", file=sys.stderr)
    print(f"{2 * len(ORDER)} requests, {lost} lost")
    return 1 if lost else 0


sys.exit(main(sys.argv[1]))
