"""The archive: what stands on the topics, as Parquet files by day that anything can read, for as long as one likes."""

from pipeline.edge.archive.archiver import GROUP, ArchiverOptions, run_archiver
from pipeline.edge.archive.beside import archive_beside, archive_now_and_then, check_archive
from pipeline.edge.archive.columns import ARCHIVED, TABLES, page

__all__ = [
    "ARCHIVED",
    "GROUP",
    "TABLES",
    "ArchiverOptions",
    "archive_beside",
    "archive_now_and_then",
    "check_archive",
    "page",
    "run_archiver",
]
