"""`make bench`: every measurement, each beside what it is compared with."""

from benchmarks import ingest

ingest.report()
