"""A page with a form that greets; the greetings come from a helper on another port."""

import socket
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from os import environ
from urllib.parse import parse_qs, urlsplit

PAGE = """<!DOCTYPE html>
<title>Greetings</title>
<form action="/greet">
<input name="name">
<select name="language"><option value="en">English</option><option value="de">German</option></select>
<button>Greet</button>
</form>
"""


def greeting(language):
    with socket.create_connection(("127.0.0.1", int(environ["GREETER_PORT"]))) as greeter:
        greeter.sendall(f"{language}\n".encode())
        return greeter.makefile().readline().strip()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "greetings"
    sys_version = ""

    def do_GET(self):
        url = urlsplit(self.path)
        if url.path == "/":
            self.answer("text/html", PAGE)
        elif url.path == "/greet":
            asked = parse_qs(url.query)
            text = f"{greeting(asked['language'][0])}, {asked['name'][0]}!"
            self.answer("text/html", f"<!DOCTYPE html>\n<title>Greeting</title>\n<p>{text}</p>\n")
        else:
            self.send_error(404)

    def answer(self, kind, text):
        body = text.encode()
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    host, port = sys.argv[1:]
    server = ThreadingHTTPServer((host, int(port)), Handler)
    print("ready to greet", flush=True)
    server.serve_forever()
