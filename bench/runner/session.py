"""A folder of results while it is filled: what has been finished stays, however that ends."""

import pathlib
import shlex
import shutil
import sys

from . import environment, results
from .problems import Failure, Interrupted, WrongArgument


class Session:
    """Makes the folder. Says, where it ends early, at what and what is left; without one finished
    run the folder goes again."""

    def __init__(self, out, pinning="none", more=()):
        """`more` is what environment.txt says beside the machine: names and texts."""
        self.root = pathlib.Path(out)
        self._more = dict(more)
        self._pinning = pinning
        self._doing = None
        self._finished = 0

    def __enter__(self):
        results.new_folder(self.root)
        self._facts = {**environment.describe(shlex.join(sys.argv), self._pinning), **self._more}
        try:
            self._write()
        except Failure:
            shutil.rmtree(self.root)
            raise
        return self

    def begin(self, what):
        """`what` is done from here on: contender, round and folder."""
        self._doing = what

    def finished(self):
        self._finished += 1

    def _write(self):
        results.write_text(self.root / "environment.txt", environment.lines(self._facts))

    def __exit__(self, kind, problem, _):
        if self._finished:
            self._facts["load_after"] = environment.load()
            try:
                self._write()
            except Failure as second:
                problem = problem or second
        else:
            shutil.rmtree(self.root, ignore_errors=True)
        if isinstance(problem, KeyboardInterrupt):
            raise Interrupted(f"interrupted{self._where()}") from None
        if isinstance(problem, Failure):
            raise Failure(f"{problem}{self._where()}") from None
        if isinstance(problem, WrongArgument):
            raise WrongArgument(f"{problem}{self._where()}") from None

    def _where(self):
        at = f" in {self._doing}" if self._doing else ""
        left = f"what was finished is in {self.root}" if self._finished else \
            f"nothing was finished, and {self.root} is gone again"
        return f"{at}; {left}"
