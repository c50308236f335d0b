"""What is measured in one folder of results."""

import dataclasses
from collections.abc import Callable

from runner.harness import Outcome


@dataclasses.dataclass(frozen=True)
class Part:
    """`run(ground, name)` gives the figures of one run of a contender, by their keys. The program
    comes first, and last what it is compared with on the page."""

    name: str
    contenders: tuple
    run: Callable
    counts: str  # what is counted, for people; "bytes" where nothing is
    shape: str  # what one run does, for people
    apart: bool = True  # whether clients and servers have other processors than what is measured
    needs: tuple = ()  # programs of the system

    @property
    def program(self):
        return self.contenders[0]

    def outcome(self, ground, contender):
        """The figures as the lines that a series keeps."""
        values = {"implementation": contender.implementation, "scenario": self.shape,
                  "counts": self.counts, **self.run(ground, contender.label)}
        return Outcome("".join(f"{key}={value}\n" for key, value in values.items()))


def of_run(ground, before, streams, seconds, **more):
    """The figures of a run that counted so much. The processor time is that since `before`."""
    return {"total_streams": streams, "total_seconds": seconds,
            "cpu_total_seconds": ground.cpu_seconds() - before,
            "max_rss_bytes": ground.peak_bytes(), **more}
