"""One run of the stream harness: in one process, or as a service and a driver."""

import dataclasses
import os
import pathlib
import socket
import subprocess
import tempfile
import time

from . import figures, labels
from .children import Children
from .problems import Failure, WrongArgument

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
READY_SECONDS = 10  # for a service to accept
END_SECONDS = 10  # for a service to end behind its driver, over its idle timeout
IDLE_MILLIS = 1000
IDLE_FLAGS = ("--idle-timeout-millis", str(IDLE_MILLIS))


@dataclasses.dataclass(frozen=True)
class Shape:
    """What is run, but for the contender."""

    scenario: str
    split: bool = False
    service_cpus: frozenset = frozenset()
    driver_cpus: frozenset = frozenset()
    flags: tuple = ()  # further ones of the harness
    wrapper: tuple = ()  # a command that runs the service


@dataclasses.dataclass(frozen=True)
class Outcome:
    """The lines of the driver or of the one process, and of the service where there is one."""

    lines: str
    service_lines: str | None = None

    def sides(self):
        """The lines by whose they are; of one process it has no name."""
        return {"": self.lines} if self.service_lines is None else \
            {"driver": self.lines, "service": self.service_lines}


def program():
    """The harness's executable, built in the release tree where that is needed."""
    return os.environ.get("BYTES_HANDOFF_HARNESS") or build("bench_stream_harness")


def build(target):
    """Where the executable of a target of the release tree is, which is built."""
    script = ('REPOSITORY=$1; source "$1/scripts/packages.sh"; source "$1/scripts/build.sh"; '
              'ensure_packages build page && build_preset release "$2"')
    if subprocess.run(["bash", "-c", script, "bench", str(REPOSITORY), target],
                      stdout=2).returncode:
        raise Failure(f"{target} could not be built; the log is build/release/build.log")
    return str(REPOSITORY / "build/release/bin" / target)


def check(executable, contender, shape):
    """Raises WrongArgument where the harness would refuse the flags. Runs nothing."""
    for role in (("tcp-service",), ("tcp-driver",)) if shape.split else ((),):
        command = [executable, "--check", *_words(contender, shape),
                   *(("--role", *role) if role else ())]
        try:
            tried = subprocess.run(command, capture_output=True, text=True,
                                   stdin=subprocess.DEVNULL)
        except OSError as error:
            raise Failure(f"{executable}: {error.strerror}") from error
        if tried.returncode == 2:
            raise WrongArgument((tried.stderr.strip().splitlines() or ["refused"])[-1])


def _words(contender, shape):
    return ["--implementation", contender.implementation, "--scenario", shape.scenario,
            *shape.flags, *contender.flags]


def run(executable, contender, shape):
    """One run of one contender. Raises what the harness said when it fails: WrongArgument where it
    refuses its arguments, else Failure. Likewise where it ran something else."""
    outcome = _run(executable, contender, shape)
    asked = labels.asked_of(contender, shape)
    for who, lines in outcome.sides().items():
        labels.check_printed(figures.values_of(lines), asked, who or "harness")
    return outcome


def _run(executable, contender, shape):
    with Children() as children, tempfile.TemporaryDirectory() as scratch:
        words = _words(contender, shape)
        if shape.split:
            return _run_split(children, pathlib.Path(scratch), executable, words, shape)
        return Outcome(_ended(children, _start(
            children, scratch, "harness", [executable, *words], None)))


def _run_split(children, scratch, executable, words, shape):
    words = [*words, "--sink-addr", f"127.0.0.1:{free_port()}"]
    service, accepts_at = start_service(children, scratch, executable, words, shape.wrapper,
                                        shape.service_cpus)
    lines = drive(children, scratch, executable, accepts_at, words, shape, beside=service)
    return Outcome(lines, _ended(children, service, IDLE_MILLIS / 1000 + END_SECONDS))


def drive(children, scratch, executable, accepts_at, words, shape, beside=None):
    """What a driver printed whose service accepts there."""
    return _ended(children, _start(children, scratch, "driver", [
        executable, "--role", "tcp-driver", "--service-addr", accepts_at, *words, *IDLE_FLAGS],
        shape.driver_cpus), beside=beside)


def start_service(children, scratch, executable, flags, wrapper=(), cpus=None):
    """A service that accepts, as its role and its HOST:PORT."""
    ready = scratch / "ready"
    service = _start(children, scratch, "service", [
        *wrapper, executable, "--role", "tcp-service", "--service-addr", "127.0.0.1:0",
        "--ready-file", str(ready), *flags, *IDLE_FLAGS], cpus)
    give_up = time.monotonic() + READY_SECONDS
    while not ready.exists():
        # It may have been ready, and have ended, since the look before.
        if children.wait(service.child, 0.01) is not None and not ready.exists():
            raise _refusal(service, "has not started")
        if time.monotonic() > give_up:
            raise Failure(f"the service does not accept after {READY_SECONDS} seconds")
    return service, ready.read_text().strip()


@dataclasses.dataclass
class _Role:
    name: str
    child: subprocess.Popen
    output: pathlib.Path
    errors: pathlib.Path

    def said(self):
        lines = self.errors.read_text().strip().splitlines()
        return lines[-1] if lines else f"it ended with status {self.child.returncode}"


def _start(children, scratch, name, command, cpus):
    output, errors = (pathlib.Path(scratch) / f"{name}.{kind}" for kind in ("out", "err"))
    with output.open("wb") as out, errors.open("wb") as err:
        return _Role(name, children.start(command, cpus, stdout=out, stderr=err), output, errors)


def _ended(children, role, seconds=None, beside=None):
    """What the role printed, once it has ended well. A role beside it must not end before."""
    give_up = None if seconds is None else time.monotonic() + seconds
    while (status := children.wait(role.child, 0.05)) is None:
        if beside and beside.child.poll() not in (None, 0):
            raise Failure(f"the {beside.name} died: {beside.said()}")
        if give_up and time.monotonic() > give_up:
            raise Failure(f"the {role.name} does not end")
    if status != 0:
        raise _refusal(role, "failed")
    return role.output.read_text()


def _refusal(role, how):
    """The harness's own word for a wrong argument is this command's, too."""
    if role.child.returncode == 2:
        return WrongArgument(role.said())
    return Failure(f"the {role.name} {how}: {role.said()}")


# Below the ports that the system gives to connections, so that none of these takes it meanwhile.
FIRST_PORT, LAST_PORT = 20000, 32000


def free_port(beyond=None):
    """A port that nobody listens at, `beyond` that one where given."""
    first = FIRST_PORT + os.getpid() % 5000 if beyond is None else beyond + 1
    for port in range(first, LAST_PORT):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise Failure(f"no port from {first} to {LAST_PORT} is free")
