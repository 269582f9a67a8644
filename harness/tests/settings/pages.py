"""Pages with what steps do not see or do not reach: `pages.py HOST PORT`."""

import http.server
import sys
import threading

SCRIPT = "<!DOCTYPE html><link rel=icon href=data:,><title>%s</title>%s<script>%s</script>"
GO = "<p id=out>none</p><button id=b>go</button>"
PAGES = {
    "/menu": ("menu", "<p id=r>-</p><button id=b>menu</button>", "b.onclick = () => { r.textContent = 'open' }"),
    "/who": ("Who is there", "<h1>who?</h1>", ""),
    "/form": (
        "form",
        "<p id=r>-</p><input id=q>",
        "q.onkeydown = e => { if (e.key === 'Enter') { r.textContent = 'entered ' + q.value; fetch('/x') } }",
    ),
    "/spinner": (
        "spinner",
        "<p id=spin>loading</p><p id=r></p>",
        "setTimeout(async () => { await fetch('/x'); spin.remove(); r.className = 'done'; r.textContent = 'there';"
        " document.title = 'ready'; history.pushState(0, 0, '/ready') }, 6500)",
    ),
    "/alert": ("alert", GO, "b.onclick = async () => { await fetch('/x'); alert('hello'); out.textContent = 'ok' }"),
    "/window": ("window", "<a id=b href=/who target=_blank>open</a>", ""),
    "/frame": ("frame", "<iframe id=f src=/menu></iframe>", ""),
    "/shadow": (
        "shadow",
        "<x-box></x-box>",
        "customElements.define('x-box', class extends HTMLElement { constructor() { super();"
        " this.attachShadow({ mode: 'open' }).innerHTML = '<button id=b>in</button>' } })",
    ),
    "/same": ("same", GO, "b.onclick = async () => { await fetch('/x'); out.textContent = 'saved' }"),
    "/picture": ("picture", "<img src=/never>", ""),
    "/upload": (
        "upload",
        "<form method=post enctype=multipart/form-data><input type=file id=file name=file><button id=b>up</button></form>",
        "",
    ),
    "/parts": ("parts", "".join(f"<img src=/part{n}>" for n in range(12)) + "<p id=r>-</p>", "onload = () => { r.textContent = 'all' }"),
    "/polls": (
        "polls",
        "<p id=r>-</p>",
        "setInterval(async () => { r.textContent = await (await fetch('/poll?t=' + Math.random())).text() }, 90)",
    ),
    "/tagged": ("tagged", "<p>tagged</p>", ""),
}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, body, status=200, fields=()):
        self.send_response(status)
        for name, value in fields:
            self.send_header(name, value)
        if body is not None:
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body or b"")

    def do_GET(self):
        path = self.path.split("?")[0]
        if path == "/never":
            threading.Event().wait()
        elif path == "/tagged" and self.headers.get("If-None-Match") == '"v1"':
            self.answer(None, 304, [("ETag", '"v1"')])
        elif path in PAGES:
            fields = [("ETag", '"v1"'), ("Cache-Control", "no-cache")] if path == "/tagged" else []
            self.answer((SCRIPT % PAGES[path]).encode(), fields=fields)
        else:
            self.answer(b"ok")

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        kept = b"in a file" in body
        self.answer(b"<!DOCTYPE html><link rel=icon href=data:,><h1>%s</h1>" % (b"kept" if kept else b"lost"))


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True


Server((sys.argv[1], int(sys.argv[2])), Handler).serve_forever()
