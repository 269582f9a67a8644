"""Says a greeting in the language that it is asked for, a line each."""

import socketserver
from os import environ

GREETINGS = {"en": "Hello", "de": "Guten Tag"}


class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        language = self.rfile.readline().decode().strip()
        self.wfile.write(f"{GREETINGS[language]}\n".encode())


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True


if __name__ == "__main__":
    Server(("127.0.0.1", int(environ["PORT"])), Handler).serve_forever()
