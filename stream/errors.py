"""Every error a person meets, and what the process does with it.

TidegaugeError            one clear line on stderr, never a traceback
|-- ConfigurationError    exit 2: a setting, a file or a flag is wrong; nothing was started
|-- UnreachableError      exit 3: a server did not answer; try again when it does
`-- LostStateError        exit 4: stored state is missing, newer or does not fit the log; a person decides
"""


class TidegaugeError(Exception):
    """Base of all errors meant for a person; `exit_code` is the process's exit status."""

    exit_code = 1


class ConfigurationError(TidegaugeError):
    """A setting, a file or a flag is wrong: the message names it and the next step."""

    exit_code = 2


class UnreachableError(TidegaugeError):
    """A server cannot be reached: the message names the setting that holds its address."""

    exit_code = 3


class LostStateError(TidegaugeError):
    """State is lost or strange: going on would miscount, so the process ends."""

    exit_code = 4
