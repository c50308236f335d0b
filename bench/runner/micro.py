"""The rows that the micro benchmarks measure."""

import json
import subprocess

from . import harness, results
from .children import Children
from .problems import Failure

COLUMNS = ["run", "contender", "items_per_second", "nanoseconds"]
# What the targets are about; the other benchmarks are for ../micro/run.sh.
FILTER = ("^(write_from_threads/.*|read_owned_lines/(handoff_buffer|manual_vec_copy)"
          "|split_freeze_prefixes(/.*)?/prefix_bytes:(64|512))(/|$)")
BY_ITSELF = "/manual_time"
UNITS = {"ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9}
LEAST_SECONDS = "0.2"  # of a repetition


def measure(program, session, name, runs):
    """`micro.csv` in a folder of the session: a row for each repetition."""
    folder = results.new_folder(session.root / name)
    session.begin(name)
    said = folder / "micro.json"
    with Children() as children, (folder / "micro.txt").open("wb") as text:
        child = children.start([
            program, f"--benchmark_filter={FILTER}", f"--benchmark_repetitions={runs}",
            f"--benchmark_min_time={LEAST_SECONDS}", "--benchmark_enable_random_interleaving=true",
            f"--benchmark_out={said}", "--benchmark_out_format=json"], stdout=text,
            stderr=subprocess.STDOUT)
        if children.wait(child) != 0:
            raise Failure(f"bench_micro ended with status {child.returncode}")
    results.write_table(folder / "micro.csv", COLUMNS, rows_of(json.loads(said.read_text())))
    session.finished()


def rows_of(report):
    """Of Google Benchmark's JSON, the repetitions alone. The time is what the benchmark took by
    itself where it has, else what it had of a processor: others use the machine, too."""
    return [[one["repetition_index"] + 1, one["run_name"].removesuffix(BY_ITSELF),
             one.get("items_per_second", ""),
             one["real_time" if one["run_name"].endswith(BY_ITSELF) else "cpu_time"]
             * UNITS[one["time_unit"]]]
            for one in report["benchmarks"] if one["run_type"] == "iteration"]
