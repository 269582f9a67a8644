"""Logs in, then asks for the account."""

import sys
from http.client import HTTPConnection
from urllib.parse import urlencode

host, port = sys.argv[1:]
server = HTTPConnection(host, int(port))
server.request(
    "POST",
    "/login",
    urlencode({"name": "ali", "password": "open sesame"}),
    {"Content-Type": "application/x-www-form-urlencoded"},
)
answer = server.getresponse()
answer.read()
cookie = answer.getheader("Set-Cookie").split(";")[0]
server.request("GET", "/account", headers={"Cookie": cookie})
print(server.getresponse().read().decode(), end="")
server.close()
