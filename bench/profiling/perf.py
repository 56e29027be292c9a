"""What Linux's perf reports, as figures."""

import re

# What perf's report tells with all that is called within: what the kernel is entered for.
ENTRIES = {
    "page faults": ("asm_exc_page_fault",),
    "mapping memory": ("__x64_sys_munmap", "__x64_sys_mmap", "__x64_sys_mprotect", "__x64_sys_madvise"),
}


def rows(report: str) -> list[tuple[float, str]]:
    """The percent and what has them, of each line of a report of perf's."""
    found = []
    for line in report.splitlines():
        cells = [cell.strip() for cell in line.split(";")]
        if re.fullmatch(r"[\d.]+%", cells[0]):
            names = [cell for cell in cells[1:] if not re.fullmatch(r"[- ]*|[\d.]+%", cell)]
            found.append((float(cells[0][:-1]), " ".join(names)))
    return found


def shares(of_programs: str, of_entries: str) -> dict[str, float]:
    """Percent of the time: of the guest's code, of Viceroy's own, and of the kernel's by what it was entered for."""
    told = by_program(of_programs)
    entered = {re.sub(r"^\[\w\] ", "", name): share for share, name in rows(of_entries)}
    within = {title: round(sum(entered.get(name, 0) for name in names), 1) for title, names in ENTRIES.items()}
    kernel = told.pop("kernel")
    return {**told, **within, "the kernel's rest": round(kernel - sum(within.values()), 1)}


def by_program(report: str) -> dict[str, float]:
    """Percent of what perf counted, by whose code it was in: the guest's, Viceroy's with its libraries, the kernel's."""
    told = {"guest": 0.0, "Viceroy": 0.0, "kernel": 0.0}
    for share, name in rows(report):
        whose = "guest" if name.startswith(("[JIT]", "perf-")) else "kernel" if name.startswith("[kernel") else "Viceroy"
        told[whose] += share
    return {whose: round(share, 1) for whose, share in told.items()}
