"""Where a jail's python3 starts: `main.py zygote SOCKET CGROUPS` or `main.py single`."""

import signal
import sys

from _turnstone import worker, zygote

if __name__ == "__main__":
    # A service that a shell started in the background ignores SIGINT, and every program inherits that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.path.pop(0)  # ours: programs shall not import from it
    if sys.argv[1] == "zygote":
        task = zygote.serve(*sys.argv[2:])
    else:
        task = worker.serve_alone()
    # Only a forked program comes here, with nothing of ours on its stack but this line.
    task()
