"""The project's own source as the house rules read it."""

import ast
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
SERVICES = REPOSITORY / "services"


@dataclass(frozen=True, slots=True)
class Module:
    """One file below services/."""

    name: str  # standfast.resourced.plan
    path: Path
    tree: ast.Module

    @property
    def package(self) -> str:
        """What it belongs to: resourced, bus … ("" for a module right below standfast)."""
        parts = self.name.split(".")
        return parts[1] if len(parts) > 2 or (self.path.name == "__init__.py" and len(parts) > 1) else ""

    def imports(self) -> list[tuple[str, int]]:
        """Full names of what it imports, with the line; `from a import b` gives a and a.b."""
        found = []
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                found += [(alias.name, node.lineno) for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                base = self._base(node)
                found += [(name, node.lineno) for name in (base, *(f"{base}.{alias.name}" for alias in node.names))]
        return found

    def _base(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        parents = self.name.split(".")
        parents = parents[: len(parents) - node.level + (self.path.name == "__init__.py")]
        return ".".join([*parents, node.module] if node.module else parents)


def modules() -> list[Module]:
    """Every Python file below services/."""
    return [_module(path) for path in sorted(SERVICES.rglob("*.py"))]


def _module(path: Path) -> Module:
    parts = path.relative_to(SERVICES).with_suffix("").parts
    name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    return Module(name, path, ast.parse(path.read_text()))


def place(path: Path, line: int = 0) -> str:
    """For a message: the file below the repository, and the line."""
    return f"{path.relative_to(REPOSITORY)}:{line}" if line else str(path.relative_to(REPOSITORY))
