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


def shares(by_program: str, by_entry: str) -> dict[str, float]:
    """Percent of the time: of the guest's code, of Viceroy's own, and of the kernel's by what it was entered for."""
    programs = rows(by_program)
    guest = sum(share for share, name in programs if name.startswith(("[JIT]", "perf-")))
    kernel = sum(share for share, name in programs if name.startswith("[kernel"))
    entered = {re.sub(r"^\[\w\] ", "", name): share for share, name in rows(by_entry)}
    within = {title: sum(entered.get(name, 0) for name in names) for title, names in ENTRIES.items()}
    viceroy = sum(share for share, _ in programs) - guest - kernel
    told = {"guest": guest, "Viceroy": viceroy, **within, "other of the kernel": kernel - sum(within.values())}
    return {title: round(share, 1) for title, share in told.items()}
