"""A page of 60 parts by Python's own http.server; all of them are made here, none is a file."""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from struct import pack
from urllib.parse import urlsplit

import font
import websocket

STYLES, SCRIPTS, DRAWINGS, PICTURES = range(8), range(8), range(31), range(8)

PAGE = (
    "<!DOCTYPE html>\n<title>Parts</title>\n"
    + "".join(f'<link rel="stylesheet" href="/style/{n}.css">\n' for n in STYLES)
    + "<h1>Parts</h1>\n"
    + "".join(f'<img class="c{n % 8}" src="/drawing/{n}.svg" alt="">\n' for n in DRAWINGS)
    + "".join(f'<img src="/picture/{n}.bmp" alt="">\n' for n in PICTURES)
    + '<img src="/moved.svg" alt="">\n<p></p>\n'
    + "".join(f'<script src="/script/{n}.js"></script>\n' for n in SCRIPTS)
    + '<button onclick="socket.send(\'again\')">Again</button>\n'
)

# The last script waits for everything, and says so: a fetch, the font, the WebSocket and the rest of the page.
LAST_SCRIPT = """
const socket = new WebSocket(`ws://${location.host}/echo`);
const loaded = new Promise(done => addEventListener("load", done));
const opened = new Promise(done => socket.onopen = done);
const font = document.fonts.load("1em Made");
const names = fetch("/names.json").then(answer => answer.json());
Promise.all([names, font, opened, loaded]).then(([names, fonts]) => {
  const broken = [...document.images].filter(image => !image.naturalWidth).length;
  socket.send(`${names.length} names, ${fonts.length} font, ${broken} broken`);
});
socket.onmessage = message => document.querySelector("p").append(` Echo: ${message.data}.`);
"""


def style(number):
    made = '@font-face { font-family: Made; src: url("/made.ttf"); }\nh1 { font-family: Made; }\n'
    return (made if number == 0 else "") + f".c{number} {{ border: {number}px solid; }}\n"


def script(number):
    return LAST_SCRIPT if number == SCRIPTS[-1] else f"window.part{number} = {number};\n"


def drawing(number):
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" width="16" height="16">'
        f'<circle cx="8" cy="8" r="{number / 4 + 0.25}"/></svg>\n'
    )


def picture(number):
    """Returns a bitmap of one pixel, in a grey of its own."""
    file = pack("<2s3I", b"BM", 58, 0, 54)
    information = pack("<I2i2H6I", 40, 1, 1, 1, 24, 0, 0, 0, 0, 0, 0)
    return file + information + bytes([number * 32] * 3 + [0])


def part(path):
    """Returns what a path stands for, with its type; None where there is nothing."""
    match path.strip("/").replace(".", "/").split("/"):
        case [""]:
            # Without a charset, Firefox loads the style sheets twice.
            return "text/html; charset=utf-8", PAGE
        case ["style", number, "css"]:
            return "text/css", style(int(number))
        case ["script", number, "js"]:
            return "text/javascript", script(int(number))
        case ["drawing", number, "svg"]:
            return "image/svg+xml", drawing(int(number))
        case ["picture", number, "bmp"]:
            return "image/bmp", picture(int(number))
        case ["made", "ttf"]:
            return "font/ttf", font.made()
        case ["names", "json"]:
            return "application/json", json.dumps(["Ada", "Grace", "Emmy"]) + "\n"
    return None


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Python's own would say which version it is.
    server_version = "parts"
    sys_version = ""

    def do_GET(self):
        path = urlsplit(self.path).path
        if path == "/echo":
            websocket.echo(self)
        elif path == "/moved.svg":
            self.answer(302, [("Location", "/drawing/31.svg")], b"")
        elif found := part(path):
            kind, content = found
            body = content if isinstance(content, bytes) else content.encode()
            self.answer(200, [("Content-Type", kind)], body)
        else:
            self.send_error(404)

    def answer(self, status, fields, body):
        self.send_response(status)
        for name, value in [*fields, ("Content-Length", str(len(body)))]:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    host, port = sys.argv[1:]
    ThreadingHTTPServer((host, int(port)), Handler).serve_forever()
