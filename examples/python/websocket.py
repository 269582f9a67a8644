"""As much of WebSocket (RFC 6455) as it takes to send short texts back."""

from base64 import b64encode
from hashlib import sha1

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, CLOSE = 1, 8
FINAL = 0x80


def echo(request):
    """Sends each text back, until the other side closes."""
    key = request.headers.get("Sec-WebSocket-Key", "")
    request.send_response(101)
    request.send_header("Upgrade", "websocket")
    request.send_header("Connection", "Upgrade")
    request.send_header("Sec-WebSocket-Accept", b64encode(sha1((key + GUID).encode()).digest()).decode())
    request.end_headers()
    request.close_connection = True
    while frame := read_frame(request.rfile):
        kind, payload = frame
        if kind in (TEXT, CLOSE):
            request.wfile.write(bytes([FINAL | kind, len(payload)]) + payload)
        if kind == CLOSE:
            return


def read_frame(file):
    """Reads a frame of less than 126 bytes, as browsers send them; None where the connection is over."""
    head = file.read(2)
    if len(head) < 2:
        return None
    kind, length = head[0] & 0x0F, head[1] & 0x7F
    if length > 125:
        raise ValueError("only short texts are echoed")
    mask = file.read(4)
    payload = file.read(length)
    return kind, bytes(byte ^ mask[n % 4] for n, byte in enumerate(payload))
