"""Who runs: an implementation, or a form of it with flags of its own."""

import argparse
import dataclasses
import re

# With the second one, the end of one direction leaves the other open, as with the other contenders.
NGINX = ("nginx", "nginx_half_close")
_FORM = re.compile(r"[a-z0-9][a-z0-9-]*=[^\s,:=/]+")


@dataclasses.dataclass(frozen=True)
class Contender:
    """`label` is its name in files and tables: `raw_copy:read-block=65536` is `raw_copy` with
    `--read-block 65536`."""

    label: str

    @property
    def implementation(self):
        return self.label.split(":")[0]

    @property
    def flags(self):
        pairs = [part.split("=") for part in self.label.split(":")[1:]]
        return tuple(word for name, value in pairs for word in (f"--{name}", value))


def parse(text):
    """One NAME or NAME:FLAG=VALUE[:FLAG=VALUE] of a command line."""
    name, *flags = text.split(":")
    if not name:
        raise argparse.ArgumentTypeError("a name is empty")
    if "/" in name or any(letter.isspace() for letter in name):
        raise argparse.ArgumentTypeError(f"'{name}' is no name")
    for flag in flags:
        if not _FORM.fullmatch(flag):
            raise argparse.ArgumentTypeError(f"'{flag}' of '{text}' must be FLAG=VALUE")
    return Contender(text)
