"""`make bench`: every measurement, each beside what it is compared with. `python -m benchmarks rollout` makes one."""

import sys

from benchmarks import ingest, rollout

REPORTS = {"ingest": ingest.report, "rollout": rollout.report}

for name in sys.argv[1:] or REPORTS:
    REPORTS[name]()
