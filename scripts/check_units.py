#!/usr/bin/env python3
"""Looks at each unit of a tree as the compiler does before it makes code of it.

usage: check_units.py <tree>

Prints what the compiler has to say of the units that it refuses, and then how many they are. The tree
has the compile commands, and no precompiled headers; nothing needs to be built in it.
"""

import concurrent.futures
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

SECONDS = 600  # for a unit


def refusal(entry):
    """What the compiler says of the unit of an entry in compile_commands.json, if it refuses it."""
    command = shlex.split(entry["command"])
    run = subprocess.run(["timeout", str(SECONDS), *command, "-fsyntax-only"], cwd=entry["directory"],
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if run.returncode == 0:
        return None
    return run.stdout or f"{entry['file']}: ended with status {run.returncode}\n"


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    entries = json.loads((Path(sys.argv[1]) / "compile_commands.json").read_text())
    refused = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for message in pool.map(refusal, entries):
            if message is not None:
                refused += 1
                print(message, end="", flush=True)
    print(f"{len(entries)} units, {refused} refused")
    sys.exit(refused != 0)


if __name__ == "__main__":
    main()
