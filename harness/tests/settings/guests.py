"""A chat for pages: each guest has a cookie, says something by POST, and hears by events or by long polls.

Usage: python3 guests.py HOST PORT
"""

import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

PAGE = """<!DOCTYPE html>
<meta charset="utf-8">
<title>Guests</title>
<link rel="icon" href="data:,">
<p id="who">guest %s</p>
<input id="line"> <button id="send">Send</button>
<pre id="said"></pre>
<script>
const hear = text => { said.textContent += text + "\\n"; };
send.onclick = () => fetch("/say", { method: "POST", body: line.value });
const poll = async after => {
    const answer = await fetch(`/poll?after=${after}`);
    hear(await answer.text());
    poll(after + 1);
};
if (location.search == "?by=polls") poll(0);
else new EventSource("/events").onmessage = event => hear(event.data);
</script>
"""

SAID = []
NEWS = threading.Condition()
GUESTS = iter(range(1, 100))


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        url = urlsplit(self.path)
        if url.path == "/events":
            self.tell_events()
        elif url.path == "/poll":
            after = int(parse_qs(url.query)["after"][0])
            if self.is_told_more_than(after):
                self.answer(200, SAID[after], [])
        else:
            guest = self.guest()
            cookie = []
            if guest is None:
                guest = str(next(GUESTS))
                cookie = [("Set-Cookie", f"guest={guest}")]
            self.answer(200, PAGE % guest, cookie)

    def do_POST(self):
        text = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.answer(200, "said", [])
        with NEWS:
            SAID.append(f"{self.guest()}: {text}")
            NEWS.notify_all()

    def tell_events(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        told = len(SAID)
        while self.is_told_more_than(told):
            self.wfile.write(f"data: {SAID[told]}\n\n".encode())
            told += 1

    def is_told_more_than(self, told):
        """Waits until more is said, or the guest is gone."""
        with NEWS:
            while len(SAID) <= told and not self.is_gone():
                NEWS.wait(0.05)
            self.close_connection = len(SAID) <= told
            return len(SAID) > told

    def is_gone(self):
        try:
            return self.connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
        except BlockingIOError:
            return False

    def answer(self, status, text, more):
        body = text.encode()
        self.send_response(status)
        for name, value in more:
            self.send_header(name, value)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def guest(self):
        cookie = self.headers.get("Cookie")
        return cookie and cookie.partition("=")[2]

    def log_message(self, *arguments):
        pass


ThreadingHTTPServer((sys.argv[1], int(sys.argv[2])), Handler).serve_forever()
