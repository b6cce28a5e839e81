"""What all scopes of a partition share, since one scan reads it: the rows of alerts, their contents, the incidents."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from pipeline.core.incidents import Incidents
from pipeline.core.packed import Packer, Shape
from pipeline.core.table import LiveTable, TableFull

LEAST_ROWS = 1 << 22  # that all scopes of a partition share: addresses, not memory
SPARE_ROWS = 4096  # for the incidents that say that there are no more


class Memory:
    """What all scopes of a partition share, since one scan reads it."""

    def __init__(self, limit: int) -> None:
        self.table = LiveTable(max(LEAST_ROWS, 2 * limit))
        self.contents: list[bytes] = []  # by row
        self.packer = Packer()
        self.incidents = Incidents()

    def restore(self, table: bytes | memoryview, shapes: Iterable[Shape]) -> None:
        """Take over the alerts of a snapshot, but for their contents. Raises ValueError if it is damaged."""
        self.table = LiveTable.restore(self.table.limit, table)
        self.packer = Packer(shapes)

    def resize(self, limit: int) -> None:
        """Have room for another number of alerts; those that are there stay, in other rows."""
        most = max(LEAST_ROWS, 2 * limit)
        if most == self.table.limit:
            return
        rows = self.table.live_rows()
        self.contents = [self.contents[row] for row in rows.tolist()]
        numbers = np.arange(len(self.incidents.known) + 1, dtype=np.int32)
        self.table = LiveTable.restore(most, self.table.snapshot(numbers, rows))

    def rows_of_scopes(self) -> dict[str, NDArray[np.int64]]:
        """The rows of each scope, in the order of their keys."""
        rows = self.table.live_rows()
        names = sorted({incident.scope for incident in self.incidents.known if incident is not None})
        nth = {name: index for index, name in enumerate(names)}
        scopes = np.array([-1 if one is None else nth[one.scope] for one in self.incidents.known], np.int64)
        found = scopes[self.table.columns.incident[rows]] if len(rows) else rows
        order = np.argsort(found, kind="stable")
        edges = np.searchsorted(found[order], np.arange(len(names) + 1))
        return {name: rows[order[edges[index] : edges[index + 1]]] for name, index in nth.items()}

    def quiet_keys(self) -> dict[str, list[int]]:
        """The keys of all alerts that are quiet for any reason, by scope."""
        found: dict[str, list[int]] = {}
        columns = self.table.columns
        for row in self.table.rows_where("quiet").tolist():
            incident = self.incidents.known[columns.incident.item(row)]
            if incident is not None:
                found.setdefault(incident.scope, []).append(columns.key.item(row))
        return found

    @property
    def room(self) -> int:
        """How many alerts more may be remembered, whatever the scope."""
        return self.table.room - SPARE_ROWS

    def require_room(self, coming: int) -> None:
        """Raise TableFull if, with what is `coming`, there is no row left, spare ones included."""
        if len(self.table) + coming >= self.table.limit:
            raise TableFull(f"{self.table.limit} alerts are live")
