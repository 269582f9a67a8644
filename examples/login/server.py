"""Logs in whoever knows the password; what it answers with is another thing every time."""

import json
import random
import secrets
import sys
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

SESSIONS = set()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "login"
    sys_version = ""

    def do_POST(self):
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        if form.get("password") != ["open sesame"]:
            return self.answer(403, {"error": "wrong password"})
        session = secrets.token_hex(16)
        SESSIONS.add(session)
        self.answer(200, {"ticket": secrets.token_urlsafe(16)}, session)

    def do_GET(self):
        session = self.headers.get("Cookie", "").removeprefix("session=")
        if session in SESSIONS:
            # A number of as many digits every time, so that Content-Length stays the same.
            self.answer(200, {"name": "Ali Baba", "visits": random.randrange(100, 1000)})
        else:
            self.answer(403, {"error": "not logged in"})

    def answer(self, status, content, session=None):
        body = (json.dumps(content) + "\n").encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Request-Id", str(uuid.uuid4()))
        if session:
            self.send_header("Set-Cookie", f"session={session}; HttpOnly")
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    host, port = sys.argv[1:]
    ThreadingHTTPServer((host, int(port)), Handler).serve_forever()
