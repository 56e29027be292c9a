"""What can be wrong besides a routes.yaml: a fastly.toml, and another program."""


class BadManifest(Exception):
    """fastly.toml is there and cannot be used: what is wrong, with line and column from 1."""

    def __init__(self, message: str, line: int = 1, column: int = 1) -> None:
        super().__init__(message)
        self.line = line
        self.column = column


class ProgramFailed(Exception):
    """A program failed: `program` is its name, `output` what it said."""

    def __init__(self, program: str, output: str) -> None:
        super().__init__(f"{program} failed")
        self.program = program
        self.output = output
