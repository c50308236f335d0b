#!/usr/bin/env python3
"""Runs clang-tidy on the sources of the library.

usage: tidy_sources.py [--seed <number>] <clang-tidy> <tree> <source>...

With a seed, half of the sources. The sources are joined into a few, since what most of the time goes to are the headers that all of them
include. Each source is wholly in the main file then, which some checks ask for; an `#include` of it
would not be enough. Where a part has a finding, each of its sources is looked at alone, so that the
message says where it is. The tree has the compile commands.
"""

import concurrent.futures
import json
import os
import subprocess
import sys
from pathlib import Path

PARTS = 2
SECONDS = 600  # for a part, and for a source

# Between two sources, so that what both include is not taken for included twice.
BETWEEN = "\n#define BYTES_HANDOFF_NEXT_SOURCE\n#undef BYTES_HANDOFF_NEXT_SOURCE\n"


def write_part(folder, number, sources, commands):
    """Writes the part and returns its path and its entry for compile_commands.json."""
    part = folder / f"part_{number}.cpp"
    part.write_text(BETWEEN.join(source.read_text() for source in sources))
    entry = commands[sources[0]]
    beside = " ".join(f'-I "{place}"' for place in sorted({source.parent for source in sources}))
    command = entry["command"].replace(f" -c {entry['file']}", f" {beside} -c {part}")
    if str(part) not in command:
        sys.exit(f"tidy_sources.py: not understood: {entry['command']}")
    return part, {"directory": entry["directory"], "command": command, "file": str(part)}


def tidy(clang_tidy, tree, source):
    """Returns whether nothing was found, and what was printed."""
    run = subprocess.run(
        ["nice", "timeout", str(SECONDS), clang_tidy, "--quiet", "-p", tree, source],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return run.returncode == 0, run.stdout


def main():
    arguments = sys.argv[1:]
    seed = None
    if arguments[:1] == ["--seed"] and len(arguments) > 1 and arguments[1].isdecimal():
        seed = int(arguments[1])
        arguments = arguments[2:]
    if len(arguments) < 3:
        sys.exit(__doc__)
    clang_tidy = arguments[0]
    tree = Path(arguments[1]).resolve()
    sources = sorted(Path(source).resolve() for source in arguments[2:])
    entries = json.loads((tree / "compile_commands.json").read_text())
    commands = {Path(entry["file"]): entry for entry in entries}
    unknown = [str(source) for source in sources if source not in commands]
    if unknown:
        sys.exit("tidy_sources.py: not compiled in this tree: " + " ".join(unknown))

    if seed is not None:
        sources = sources[seed % 2 :: 2]
    folder = tree / "tidy"
    folder.mkdir(exist_ok=True)
    members = [sources[number::PARTS] for number in range(min(PARTS, len(sources)))]
    parts = [write_part(folder, number, some, commands) for number, some in enumerate(members)]
    (folder / "compile_commands.json").write_text(json.dumps([entry for _, entry in parts]))

    failed = False
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for (part, _), some, (clean, printed) in zip(
            parts, members, pool.map(lambda part: tidy(clang_tidy, folder, part[0]), parts)
        ):
            if clean:
                continue
            failed = True
            alone = list(pool.map(lambda source: tidy(clang_tidy, tree, source), some))
            for _, message in (look for look in alone if not look[0]):
                print(message)
            if all(look[0] for look in alone):
                print(f"only where they are joined, in {part}:\n{printed}")
    sys.exit(failed)


main()
