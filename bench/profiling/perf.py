"""Runs Linux's perf on a process and reads its reports. Has no command; profiles.py imports it."""

import json
import re
from pathlib import Path
from typing import Any

from fanroute.project import processes

# How many functions a profile names.
TOP = 12
# Functions of the kernel by what they are for. Their share includes all that they call.
KERNEL_ENTRIES = {
    "page faults": ("asm_exc_page_fault",),
    "mapping memory": ("__x64_sys_munmap", "__x64_sys_mmap", "__x64_sys_mprotect", "__x64_sys_madvise"),
}


def profile_process(folder: Path, pid: int, wrk: list[str]) -> dict[str, Any]:
    """Profiles a process while wrk sends it requests. Raises ProgramFailed, or LookupError if perf counts nothing."""
    output = processes.run(["perf", "stat", "-x;", "-e", "task-clock,page-faults", "-p", str(pid), "--", *wrk])
    requests = json.loads(re.findall(r"^\{.*\}$", output, re.MULTILINE)[0])["requests"]
    counts = dict(reversed(one) for one in re.findall(r"^([\d.]+);[^;]*;(task-clock|page-faults)", output, re.MULTILINE))
    samples, faults = folder / "samples.data", folder / "faults.data"
    record = ["perf", "record", "-q", "-p", str(pid)]
    processes.run([*record, "-e", "cpu-clock", "-F", "2000", "-g", "-o", samples, "--", *wrk])
    processes.run([*record, "-e", "page-faults", "-c", "7", "-o", faults, "--", *wrk])
    return {
        "processor": round(float(counts["task-clock"]) * 1000 / requests, 1),
        "faults": round(float(counts["page-faults"]) / requests, 1),
        "faulting": shares_by_owner(_report(faults, "--no-children", "dso")),
        "shares": time_shares(_report(samples, "--no-children", "dso"), _report(samples, "--children", "symbol")),
        "top": [[share, symbol] for share, symbol in report_rows(_report(samples, "--no-children", "dso,symbol"))[:TOP]],
    }


def _report(data: Path, children: str, sort: str) -> str:
    return processes.run(["perf", "report", "-i", data, "--stdio", children, "-g", "none", "--sort", sort, "-t;"])


def report_rows(report: str) -> list[tuple[float, str]]:
    """Reads a report of perf and returns its rows: the percentage and the name. Lines that are not rows are skipped."""
    found = []
    for line in report.splitlines():
        cells = [cell.strip() for cell in line.split(";")]
        if re.fullmatch(r"[\d.]+%", cells[0]):
            names = [cell for cell in cells[1:] if not re.fullmatch(r"[- ]*|[\d.]+%", cell)]
            found.append((float(cells[0][:-1]), " ".join(names)))
    return found


def time_shares(by_library: str, by_entry: str) -> dict[str, float]:
    """Returns the percentages of the time in the guest, in Viceroy and in the kernel, with the kernel's split by KERNEL_ENTRIES.

    The first report is by shared object, the second one by symbol and with children.
    """
    shares = shares_by_owner(by_library)
    entries = {re.sub(r"^\[\w\] ", "", name): share for share, name in report_rows(by_entry)}
    in_kernel = {title: round(sum(entries.get(name, 0) for name in names), 1) for title, names in KERNEL_ENTRIES.items()}
    kernel = shares.pop("kernel")
    return {**shares, **in_kernel, "the kernel's rest": round(kernel - sum(in_kernel.values()), 1)}


def shares_by_owner(by_library: str) -> dict[str, float]:
    """Returns the percentages of a report by shared object: of the guest, of Viceroy with its libraries, of the kernel."""
    shares = {"guest": 0.0, "Viceroy": 0.0, "kernel": 0.0}
    for share, name in report_rows(by_library):
        owner = "guest" if name.startswith(("[JIT]", "perf-")) else "kernel" if name.startswith("[kernel") else "Viceroy"
        shares[owner] += share
    return {owner: round(share, 1) for owner, share in shares.items()}
