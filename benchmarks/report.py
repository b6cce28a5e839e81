"""What a benchmark found, for a person as Markdown that README.md can take over, for a program as JSON."""

from dataclasses import asdict, dataclass, field
from typing import Any

Cell = str | float | None  # None: was not measured, or there is no such thing
Row = tuple[Cell, ...]


@dataclass(frozen=True)
class Table:
    """Figures that belong side by side; the first column says of what."""

    title: str
    columns: tuple[str, ...]
    rows: list[Row]


@dataclass
class Report:
    """One benchmark's tables, what has to be known to read them, and what was missing on this machine."""

    name: str
    tables: list[Table] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """The same for a program."""
        return asdict(self)

    def as_markdown(self) -> str:
        """The same for a person."""
        parts = [f"## {self.name}"]
        for table in self.tables:
            parts.append(f"{table.title}\n\n{_markdown(table)}")
        parts += [f"- {note}" for note in self.notes]
        parts += [f"- skipped: {reason}" for reason in self.skipped]
        return "\n\n".join(parts)


def _markdown(table: Table) -> str:
    rows = [list(table.columns), *([shown(cell) for cell in row] for row in table.rows)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(table.columns))]
    rules = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    lines = [_line(rows[0], widths), f"| {' | '.join(rules)} |", *(_line(row, widths) for row in rows[1:])]
    return "\n".join(lines)


def _line(cells: list[str], widths: list[int]) -> str:
    first, *others = zip(cells, widths, strict=True)
    return f"| {' | '.join([first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)])} |"


def shown(cell: Cell) -> str:
    """A figure with as many digits as it deserves on a machine that others use too: three."""
    if cell is None:
        return "-"
    if isinstance(cell, str):
        return cell
    if abs(cell) >= 1000:
        return f"{float(f'{cell:.3g}'):,.0f}"
    return f"{cell:.3g}"
