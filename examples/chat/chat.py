"""A chat: what one says, all get. Pages take part by WebSocket, others by lines of text; all at one port.

Usage: python3 chat.py HOST PORT
"""

import base64
import hashlib
import socketserver
import sys
import threading
from urllib.parse import parse_qs, urlsplit

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 §1.3
TEXT, CLOSE = 1, 8

PAGE = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<title>Chat</title>
<link rel="icon" href="data:,">
<form id="form"><input id="line" autocomplete="off"> <button id="send">Send</button></form>
<ul id="said"></ul>
<script>
const socket = new WebSocket(`ws://${location.host}/chat${location.search}`);
socket.onmessage = event => {
    const item = document.createElement("li");
    item.textContent = event.data;
    said.append(item);
};
form.onsubmit = event => {
    event.preventDefault();
    socket.send(line.value);
    line.value = "";
};
</script>
"""


class Room:
    """All who take part, in the order in which they came."""

    def __init__(self):
        self.lock = threading.Lock()
        self.guests = []

    def enter(self, guest):
        with self.lock:
            self.guests.append(guest)
            self.tell(f"{guest.name} is here")

    def leave(self, guest):
        with self.lock:
            self.guests.remove(guest)
            self.tell(f"{guest.name} is gone")

    def say(self, guest, text):
        with self.lock:
            self.tell(f"{guest.name}: {text}")

    def tell(self, text):
        for guest in self.guests:
            guest.hear(text)


ROOM = Room()


class Guest(socketserver.StreamRequestHandler):
    name = ""

    def handle(self):
        first = self.rfile.readline().decode().strip()
        if first.startswith("GET "):
            self.answer(first.split()[1])
        elif first:
            self.take_part(first, self.write_line, self.lines())

    def take_part(self, name, hear, texts):
        self.name, self.write = name, hear
        ROOM.enter(self)
        for text in texts:
            ROOM.say(self, text)
        ROOM.leave(self)

    def hear(self, text):
        try:
            self.write(text)
        except OSError:
            pass  # gone, which its own thread finds out

    # Lines of text

    def lines(self):
        for line in self.rfile:
            yield line.decode().strip()

    def write_line(self, text):
        self.wfile.write(f"{text}\n".encode())

    # HTTP and WebSocket

    def answer(self, target):
        fields = {}
        while line := self.rfile.readline().decode().strip():
            name, _, value = line.partition(": ")
            fields[name.lower()] = value
        key = fields.get("sec-websocket-key")
        if key is None:
            body = PAGE.encode()
            kind = "Content-Type: text/html; charset=utf-8\r\nConnection: close\r\n"
            head = f"HTTP/1.1 200 OK\r\n{kind}Content-Length: {len(body)}\r\n\r\n"
            self.wfile.write(head.encode() + body)
            return
        accept = base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()
        self.wfile.write(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Accept: {accept}\r\n\r\n".encode()
        )
        name = parse_qs(urlsplit(target).query).get("name", ["somebody"])[0]
        self.take_part(name, lambda text: self.write_frame(TEXT, text.encode()), self.messages())

    def messages(self):
        while len(head := self.rfile.read(2)) == 2:
            # All that a page sends here is short and masked, in one frame (RFC 6455 §5.2).
            mask, payload = self.rfile.read(4), self.rfile.read(head[1] & 0x7F)
            payload = bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))
            if head[0] & 0x0F == CLOSE:
                self.write_frame(CLOSE, payload)
                return
            yield payload.decode()

    def write_frame(self, opcode, payload):
        self.wfile.write(bytes([0x80 | opcode, len(payload)]) + payload)


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


if __name__ == "__main__":
    with Server((sys.argv[1], int(sys.argv[2])), Guest) as server:
        server.serve_forever()
