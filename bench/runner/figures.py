"""What a run printed, as figures: divided again, and without those that it is too short for."""

# What a run is asked for; the rest is measured. These stay out of every summary.
CONFIGURATION = frozenset((
    "mode", "role", "transport", "implementation", "scenario", "completion", "worker_threads",
    "connections", "route_frames", "frame_len", "tunnel_bytes", "input_fragment", "read_reserve",
    "write_pending_bytes", "duplex_capacity", "configured_iterations", "duration_seconds_target",
    "read_block", "gather_micros", "counts"))
# Each with the part of the connections, in thousandths, that took longer.
PERCENTILES = {"latency_p50_micros": 500, "latency_p95_micros": 50, "latency_p99_micros": 10,
               "latency_p999_micros": 1}
LEAST_BEYOND = 10  # connections that have to lie beyond a percentile
LEAST_SECONDS = 0.1  # of a run; a shorter one shows its start and its end

# The harness prints these rounded: a small cost has two digits, and a ratio of two such is wrong.
_QUOTIENTS = {
    "bytes_per_sec": ("total_bytes", "total_seconds", 1),
    "mib_per_sec": ("total_bytes", "total_seconds", 1 / (1 << 20)),
    "gib_per_sec": ("total_bytes", "total_seconds", 1 / (1 << 30)),
    "streams_per_sec": ("total_streams", "total_seconds", 1),
    "cpu_avg_cores": ("cpu_total_seconds", "total_seconds", 1),
    "cpu_utilization_pct": ("cpu_total_seconds", "total_seconds", 100),
    "cpu_ns_per_byte": ("cpu_total_seconds", "total_bytes", 1e9),
    "cpu_micros_per_stream": ("cpu_total_seconds", "total_streams", 1e6),
    "streams_per_cpu_second": ("total_streams", "cpu_total_seconds", 1),
}


def values_of(lines):
    """`key=value` lines as a dictionary, numbers as such, whole ones as whole ones."""
    values = {}
    for line in lines.splitlines():
        key, _, text = line.partition("=")
        values[key] = number_of(text)
    return values


def number_of(text):
    """The number that a text is, or the text."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return text


def figures_of(lines):
    """The values of what a run printed. One that the run is no measure of is an empty text."""
    values = values_of(lines)
    for key, (amount, base, scale) in _QUOTIENTS.items():
        if values.get(base, 0) and amount in values:
            values[key] = values[amount] / values[base] * scale
    samples = values.get("total_streams", 0) - values.get("failed_connections", 0)
    for key, beyond in PERCENTILES.items():
        if key in values and not enough(samples, beyond):
            values[key] = ""
    return values


def enough(samples, beyond):
    """Whether so many samples tell a percentile beyond which so many thousandths are."""
    return samples * beyond >= LEAST_BEYOND * 1000


def is_measure(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)
