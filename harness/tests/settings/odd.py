"""A server that is odd in one way: `odd.py MODE HOST PORT [SECONDS]`."""

import http.server
import os
import socket
import sys
import time

mode, host, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
seconds = float(sys.argv[4]) if len(sys.argv) > 4 else 0
began = time.monotonic()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        is_early = mode == "early" and time.monotonic() - began < seconds
        body = b"not ready\n" if is_early else b"hello\n"
        self.send_response(503 if is_early else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Server(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
    daemon_threads = True


if mode == "udp":
    listening = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listening.bind((host, port))
    time.sleep(1000)
if mode == "daemon-late":
    # The port is taken when the first process is long gone.
    if os.fork():
        os._exit(0)
    os.setsid()
    time.sleep(seconds)
if mode == "slow":
    time.sleep(seconds)
if mode == "ends":
    sys.exit(3)
server = Server((host, port), Handler)
if mode == "daemon":
    if os.fork():
        os._exit(0)
    os.setsid()
server.serve_forever()
