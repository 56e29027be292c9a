"""FR1xx: the file is read."""

from fanroute.diagnostics.rule import START, Rule

FR101 = Rule(
    "FR101",
    "error",
    "the file can be read",
    "There is no such file, or it is a folder, or its permissions forbid reading it, or it has more than 4 MiB.",
    None,
    "Name a file that is there, as in `fanroute check path/to/routes.yaml`, or run the command in its folder.",
)

FR102 = Rule(
    "FR102",
    "error",
    "the file is UTF-8 text",
    "The same bytes are different text in other encodings, so only one encoding is taken. "
    "Control characters and halves of surrogate pairs are not text: editors hide them, and no header can carry them.",
    b'version: 1\nservice: {name: "caf\xe9"}\n',
    "Save the file as UTF-8.",
)

FR103 = Rule(
    "FR103",
    "error",
    "the file is well-formed YAML",
    "After a mistake in the syntax, the rest of the file has no certain meaning, so this is told alone. "
    "Frequent reasons are a tab in the indentation, an unclosed bracket, and a value with `: ` or `#` without quotes.",
    START + "routes:\n\t- handoff: origin\n",
    "Indent with spaces, close what is open, and put text with special characters in quotes.",
)

FR104 = Rule(
    "FR104",
    "error",
    "the file says something",
    "A file that is empty, or has only comments, describes no service.",
    "# nothing yet\n",
    "Begin with the example at the top of docs/routes.md.",
)

FR105 = Rule(
    "FR105",
    "error",
    "a key stands once in its mapping",
    "Many YAML readers keep the last of two values and say nothing; here one of them would be lost.",
    START + "routes:\n  - match: {path: /a, path: /b}\n    handoff: origin\n",
    "Keep one of them; where a key takes alternatives, write them as a list, and otherwise as two routes.",
)

FR106 = Rule(
    "FR106",
    "error",
    "no anchors, aliases, tags or further documents",
    "A few lines with aliases can stand for gigabytes, and tags can name types of a programming language. "
    "Without them, what a route does is read in one place.",
    START + "routes:\n  - match: &chat {path: /chat}\n    handoff: origin\n  - match: *chat\n    handoff: origin\n",
    "Write the value out where it is used, leave tags away, and keep one document a file.",
)

FR107 = Rule(
    "FR107",
    "error",
    "every key has a value",
    "An empty value is often one that was forgotten, or one whose lines are not indented far enough. "
    "No key of the language means anything without a value.",
    START + "routes:\n  - match:\n    handoff: origin\n",
    "Give the key a value, or leave the key out; for empty text, write `''`.",
)
