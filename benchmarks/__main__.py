"""`make bench` runs every benchmark, each next to its baseline; `python -m benchmarks rollout` runs one."""

import sys

from benchmarks import batches, costs, deliver, funnel, ingest, lists, pages, prune, reads, retract, rollout

REPORTS = {
    "ingest": ingest.report,
    "batches": batches.report,
    "reads": reads.report,
    "costs": costs.report,
    "rollout": rollout.report,
    "deliver": deliver.report,
    "funnel": funnel.report,
    "leads": lists.report,
    "pages": pages.report,
    "retract": retract.report,
    "prune": prune.report,
}

for name in sys.argv[1:] or REPORTS:
    REPORTS[name]()
