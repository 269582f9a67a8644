"""A program under study that attacks whoever studies it, and tells what came of it.

Usage: attacker.py HOST PORT FACTS REPORT

FACTS is a JSON object of what the test knows: sockets and files of the machine that must be out of reach, a secret. What came
of each attack goes to the file REPORT, a line of JSON each. The program serves `ping` with `pong`, and attacks again when it is
told to end.
"""

import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import time

HOST, PORT, FACTS, REPORT = sys.argv[1], int(sys.argv[2]), json.loads(sys.argv[3]), sys.argv[4]
LIBC = ctypes.CDLL(None, use_errno=True)
PTRACE_ATTACH, PTRACE_DETACH = 16, 17
PIDFD_OPEN, PIDFD_GETFD = 434, 438
OURSELVES = os.getpid()


def attempt(name, attack):
    """Tells whether an attack was held: it gives what it got, if anything, or fails."""
    try:
        got = attack()
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        got, how = None, repr(error)
    else:
        how = repr(got)
    with open(REPORT, "a") as report:
        report.write(json.dumps({"attack": name, "held": not got, "how": how[:500]}) + "\n")


def processes():
    return [int(name) for name in os.listdir("/proc") if name.isdigit() and int(name) != OURSELVES]


def read(path):
    with open(path, "rb") as file:
        return file.read()


def descriptors():
    """What we were given besides standard input, output and error."""
    given = []
    for name in os.listdir("/proc/self/fd"):
        try:
            given.append((int(name), os.readlink(f"/proc/self/fd/{name}")))
        except OSError:
            pass  # what the list was read by
    return [one for one in given if one[0] > 2]


def strangers():
    """Processes of wiresnap's own, or of anybody else, that we can see: all but the first, which is there for us."""
    seen = []
    for process in processes():
        line = read(f"/proc/{process}/cmdline").replace(b"\0", b" ").decode(errors="replace")
        if process != 1 and any(word in line for word in ["wiresnap", "keep-lab", "play-lab", FACTS["other"]]):
            seen.append(line)
    return seen


def each_process(attack):
    """Attacks every process that we did not start, and gives what was got of which."""
    got = []
    for process in {1, os.getppid(), *processes()} - {0}:
        try:
            if what := attack(process):
                got.append((process, what))
        except OSError:
            pass
    return [one for one in got if one[0] == 1 or is_ours(one[0])]


def is_ours(process):
    return b"-lab" in read(f"/proc/{process}/cmdline")


def write_descriptors(process):
    written = []
    for name in os.listdir(f"/proc/{process}/fd"):
        try:
            with open(f"/proc/{process}/fd/{name}", "r+b", buffering=0) as file:
                file.write(b"forged")
                written.append(name)
        except OSError:
            pass
    return written


def write_captures():
    """Files of any process that lie where captures are kept and have no name."""
    written = []
    for process in processes():
        try:
            names = os.listdir(f"/proc/{process}/fd")
        except OSError:
            continue
        for name in names:
            path = f"/proc/{process}/fd/{name}"
            try:
                if FACTS["captures"] in os.readlink(path):
                    with open(path, "r+b", buffering=0) as file:
                        file.write(b"forged")
                    written.append(path)
            except OSError:
                pass
    return written


def environment(process):
    return FACTS["secret"].encode() in read(f"/proc/{process}/environ")


def memory(process):
    with open(f"/proc/{process}/mem", "r+b", buffering=0):
        return "opened"


def ptrace(process):
    if LIBC.ptrace(PTRACE_ATTACH, process, None, None) != 0:
        return None
    os.waitpid(process, 0)
    LIBC.ptrace(PTRACE_DETACH, process, None, None)
    return "attached"


def take_descriptors(process):
    pidfd = LIBC.syscall(PIDFD_OPEN, process, 0)
    if pidfd < 0:
        return None
    try:
        return [number for number in range(64) if LIBC.syscall(PIDFD_GETFD, pidfd, number, 0) >= 0]
    finally:
        os.close(pidfd)


def namespaces(process):
    with open(f"/proc/{process}/ns/net"):
        return "opened"


def kill_the_first():
    os.kill(1, signal.SIGKILL)
    os.kill(1, signal.SIGSTOP)
    time.sleep(0.2)
    return not os.path.exists("/proc/1")


def signal_outside():
    os.kill(FACTS["other process"], 0)
    return "there is such a process"


def packet_socket():
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)) as raw:
        return raw.fileno()


def packet_socket_of_our_own_namespace():
    """With all capabilities of a user namespace of our own, which are none over the network that we are in."""
    script = "import socket; socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))"
    command = ["unshare", "--user", "--map-root-user", sys.executable, "-c", script]
    return subprocess.run(command, capture_output=True).returncode == 0


def connect_to(address):
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(address)
        return "connected"


def connect_to_port(port):
    with socket.create_connection(("127.0.0.1", port), timeout=2):
        return "connected"


def uncover():
    """Takes away, in mounts of our own, what covers a folder."""
    folder = os.path.dirname(FACTS["file"])
    script = f"umount {folder} 2>&-; umount -l {folder} 2>&-; umount -R /tmp 2>&-; cat {FACTS['file']}"
    command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script]
    return subprocess.run(command, capture_output=True).stdout


def attack_all(when):
    attempt(f"{when}: processes of others seen", strangers)
    for name, attack in [
        ("descriptors written to", write_descriptors),
        ("environment read", environment),
        ("memory opened", memory),
        ("attached to", ptrace),
        ("descriptors taken", take_descriptors),
        ("namespaces opened", namespaces),
    ]:
        attempt(f"{when}: {name}", lambda attack=attack: each_process(attack))
    attempt(f"{when}: captures written to", write_captures)
    attempt(f"{when}: first process killed", kill_the_first)
    attempt(f"{when}: process outside signalled", signal_outside)
    attempt(f"{when}: packet socket", packet_socket)
    attempt(f"{when}: packet socket in a user namespace", packet_socket_of_our_own_namespace)
    for address in FACTS["sockets"]:
        attempt(f"{when}: socket {address!r}", lambda address=address: connect_to(address))
    for port in FACTS["ports"]:
        attempt(f"{when}: port {port} of the machine", lambda port=port: connect_to_port(port))
    attempt(f"{when}: file of others read", lambda: read(FACTS["file"]))
    for path in FACTS["keys"]:
        attempt(f"{when}: {path} read", lambda path=path: read(path))
    attempt(f"{when}: covered folder uncovered", uncover)


def end(_signal, _frame):
    attack_all("at the end")
    os._exit(0)


signal.signal(signal.SIGTERM, end)
attempt("at the start: descriptors that were handed on", descriptors)
attack_all("at the start")
with socket.create_server((HOST, PORT)) as server:
    while True:
        connection, _ = server.accept()
        with connection, connection.makefile("rwb", buffering=0) as lines:
            for line in lines:
                lines.write(b"pong\n")
