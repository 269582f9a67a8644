"""Sends what it reads, line by line, and prints what is answered."""

import socket
import sys
import threading

connection = socket.create_connection((sys.argv[1], int(sys.argv[2])))


def print_answer():
    while answer := connection.recv(4096):
        print(answer.decode(), end="", flush=True)


printer = threading.Thread(target=print_answer)
printer.start()
for line in sys.stdin:
    connection.sendall(f"{line.rstrip()}\r\n".encode())
printer.join()
connection.close()
