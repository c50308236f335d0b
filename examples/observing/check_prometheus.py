"""Checks what a program prints: the text format of Prometheus, with its conventional names.

    check_prometheus.py <command>...

By promtool, where it is installed, and by these rules of the format's documentation: a HELP and a TYPE
line in front of each metric, once; counters, and no others, end in _total; values are numbers; the last
line ends.
"""

import re
import shutil
import subprocess
import sys

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABELS = rf'\{{(?:{NAME}="(?:[^"\\\n]|\\["\\n])*",?)*\}}'
SAMPLE = re.compile(rf"({NAME})(?:{LABELS})? ([0-9.e+-]+|NaN|[+-]Inf)")


def fail(why, line):
    sys.exit(f"check_prometheus: {why}: '{line}'")


def check(text):
    """The number of samples."""
    if not text.endswith("\n"):
        fail("the last line does not end", text[-40:])
    helped, types, samples = set(), {}, 0
    for line in text.splitlines():
        if match := re.fullmatch(rf"# HELP ({NAME}) \S.*", line):
            if match[1] in helped:
                fail("a second HELP", line)
            helped.add(match[1])
        elif match := re.fullmatch(rf"# TYPE ({NAME}) (counter|gauge)", line):
            if match[1] in types or match[1] not in helped:
                fail("a TYPE that is the second, or has no HELP in front", line)
            if match[1].endswith("_total") != (match[2] == "counter"):
                fail("counters, and no others, end in _total", line)
            types[match[1]] = match[2]
        elif match := SAMPLE.fullmatch(line):
            if match[1] not in types:
                fail("a sample without a TYPE", line)
            float(match[2])
            samples += 1
        else:
            fail("neither HELP, TYPE nor a sample", line)
    return samples


def main():
    text = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE, check=True, text=True).stdout
    if check(text) == 0:
        sys.exit("check_prometheus: there is no sample")
    if shutil.which("promtool"):
        subprocess.run(["promtool", "check", "metrics"], input=text, check=True, text=True)


if __name__ == "__main__":
    main()
