"""What the runner asks for is what the results are filed under: nothing else may set it, and what a
run printed must agree."""

from .figures import number_of
from .problems import Failure, WrongArgument

# Of every command: the runner sets them for each run.
OF_THE_RUNNER = {
    "--implementation": "name the contenders in front of `--`",
    "--scenario": "name it in front of `--`",
    "--role": "`--split` runs both roles",
    "--service-addr": "the runner picks it", "--sink-addr": "the runner picks it",
    "--ready-file": "the runner picks it", "--idle-timeout-millis": "the runner picks it",
    "--check": "the runner asks for it", "--help": "it measures nothing",
}


def names_in(flags):
    """The flags among the words that follow `--`, without their values."""
    return [word.split("=", 1)[0] for word in flags if word.startswith("--")]


def given(flags):
    """Each flag with its value, a number where it is one; the last of a repeated one counts."""
    values, words = {}, list(flags)
    while words:
        name, equals, value = words.pop(0).partition("=")
        if not equals and words and not words[0].startswith("--"):
            value = words.pop(0)
        values[name] = number_of(value)
    return values


def refuse_overrides(flags, taken):
    """Raises WrongArgument for the first flag that is the runner's or is in `taken`, a dictionary
    of flags and what to do in their place."""
    rules = {**OF_THE_RUNNER, **taken}
    for name in names_in(flags):
        if name in rules:
            raise WrongArgument(f"{name}: it would contradict the results' labels behind `--`; "
                                f"{rules[name]}")


def refuse_forms(contenders, flags, taken=()):
    """Raises WrongArgument for a flag of a contender's form that others set, too."""
    for contender in contenders:
        for name in names_in(contender.flags):
            if name in OF_THE_RUNNER or name in taken or name in names_in(flags):
                raise WrongArgument(f"{contender.label}: {name} is set elsewhere, too")


def check_printed(values, asked, who):
    """Raises Failure where what was printed contradicts what was asked for, a dictionary of keys.
    A key that is not printed contradicts only where it is a label."""
    for key, wanted in asked.items():
        if key not in values and key not in ("implementation", "scenario"):
            continue
        if (printed := values.get(key, "nothing")) != wanted:
            raise Failure(f"the {who} was asked for {key}={wanted}, and ran {key}={printed}")


def asked_of(contender, shape):
    """The keys that a run of this contender in this shape has to print."""
    keys = {"implementation": contender.implementation, "scenario": shape.scenario}
    if shape.split:
        keys["transport"] = "tcp"
    for flag, value in given((*shape.flags, *contender.flags)).items():
        key = {"--iterations": "configured_iterations",
               "--duration-seconds": "duration_seconds_target"}.get(
                   flag, flag[2:].replace("-", "_"))
        if flag == "--write-pending-bytes" and value == 0:
            continue  # what is printed is what 0 stands for
        keys[key] = value
    return keys
