"""The way out of a jail that has one: carries bytes between its loopback and the service's proxy.

The relay lives in the zygote's namespaces, where programs neither see nor reach it; it listens in the
jail's network with a socket that the worker made there. It ends with the worker.
"""

import os
import socket
import threading

from . import processes

PORT = 3128
SOCKET = "/agent/egress/socket"
CONNECTIONS = 64
URL = f"http://127.0.0.1:{PORT}"
ENVIRONMENT = {
    **{name: URL for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY")},
    **{name: "localhost,127.0.0.1,::1" for name in ("no_proxy", "NO_PROXY")},
}


def start(token):
    """Forks the relay; gives the descriptor of the socket that hands it the listener and, by its end, its end."""
    ours, theirs = socket.socketpair()
    if os.fork() == 0:
        os.dup2(theirs.fileno(), 3)
        os.closerange(4, 1024)
        ours.detach()
        theirs.detach()
        relay(socket.socket(fileno=3), token)
    theirs.close()
    return ours.detach()


def open_in_jail(way_out):
    """Once the jail's loopback is up."""
    pair = socket.socket(fileno=way_out)
    with socket.create_server(("127.0.0.1", PORT)) as listener:
        socket.send_fds(pair, [b"x"], [listener.fileno()])
    pair.detach()
    os.environ.update(ENVIRONMENT)
    processes.ENVIRONMENT.update(ENVIRONMENT)


def relay(pair, token):
    try:
        _, fds, _, _ = socket.recv_fds(pair, 1, 1)
        if fds:
            listener = socket.socket(fileno=fds[0])
            threading.Thread(target=accept, args=(listener, token), daemon=True).start()
            pair.recv(1)
    finally:
        os._exit(0)


def accept(listener, token):
    places = threading.BoundedSemaphore(CONNECTIONS)
    while True:
        places.acquire()
        inside = listener.accept()[0]
        threading.Thread(target=carry, args=(inside, token, places), daemon=True).start()


def carry(inside, token, places):
    outside = socket.socket(socket.AF_UNIX)
    try:
        outside.connect(SOCKET)
        outside.sendall(token.encode() + b"\n")
        up = threading.Thread(target=pump, args=(inside, outside), daemon=True)
        up.start()
        pump(outside, inside)
        inside.shutdown(socket.SHUT_RDWR)
        up.join()
    except OSError:
        pass  # one of the two has gone: closing tells the other
    finally:
        inside.close()
        outside.close()
        places.release()


def pump(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass
