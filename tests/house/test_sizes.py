"""Files and functions stay small enough to be read in one go: hubs begin where they do not."""

import ast

from house.source import REPOSITORY, place

FILE_LINES = 400
FUNCTION_LINES = 50
FOLDERS = ("services", "contrib")


def test_no_file_has_more_than_400_lines() -> None:
    wrong = [
        f"{place(path)}: {lines} lines"
        for folder in FOLDERS
        for path in sorted((REPOSITORY / folder).rglob("*.py"))
        if (lines := len(path.read_text().splitlines())) > FILE_LINES
    ]
    assert not wrong, "\n".join(wrong)


def test_no_function_has_more_than_50_lines() -> None:
    wrong = [
        f"{place(path, node.lineno)}: {node.name} has {lines} lines"
        for folder in FOLDERS
        for path in sorted((REPOSITORY / folder).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if (lines := (node.end_lineno or node.lineno) - node.lineno + 1) > FUNCTION_LINES
    ]
    assert not wrong, "\n".join(wrong)
