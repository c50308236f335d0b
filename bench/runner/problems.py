"""What ends a command with one line."""


class WrongArgument(Exception):
    """The command line breaks a rule: exit status 2."""


class Failure(Exception):
    """What was asked for cannot be done, or went wrong on the way: exit status 1."""


class Interrupted(Exception):
    """A signal has ended the command on its way: exit status 130."""
