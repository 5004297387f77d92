"""Where a jail's python3 starts: `main.py zygote SOCKET CGROUPS` or `main.py single`."""

import sys

from _turnstone import worker, zygote

if __name__ == "__main__":
    sys.path.pop(0)  # ours: programs shall not import from it
    if sys.argv[1] == "zygote":
        task = zygote.serve(*sys.argv[2:])
    else:
        task = worker.serve_alone()
    # Only a forked program comes here, with nothing of ours on its stack but this line.
    task()
