"""Examples of reports for the OpenAPI document: a made-up market of 400 leads, with one entry for each list."""

from typing import Any

PROPOSAL: dict[str, Any] = {
    "document": {
        "name": "order_completed proposal",
        "description": "Proposed on 2026-01-01 from 400 snapshots of 400 leads.",
        "signals": {
            "feature_used": {"on": ["Feature Used", "Feature Activated", "Feature Completed", "Product Used"]},
            "feature_used_minutes_at_least_12": {"on": "Feature Used", "where": {"property": "minutes", "gte": 12}},
            "demo_requested": {
                "on": ["Demo Requested", "Demo Request", "Demo Booked", "Demo Scheduled", "Meeting Booked"]
            },
            "order_completed": {
                "on": ["Order Completed", "Subscription Started", "Subscription Created"],
                "trusted": True,
            },
        },
        "scores": {
            "propensity": {
                "bands": {"hot": 22, "warm": 18},
                "rules": {
                    "feature_used_3": {"signal": "feature_used", "at_least": 3, "within_days": 36500, "points": 7},
                    "feature_used_minutes_at_least_12_each": {
                        "signal": "feature_used_minutes_at_least_12",
                        "points": 4,
                        "max_points": 40,
                    },
                    "demo_requested_in_14_days": {
                        "signal": "demo_requested",
                        "at_least": 1,
                        "within_days": 14,
                        "points": 3,
                    },
                },
            }
        },
        "stages": [
            {"name": "interest"},
            {"name": "mql", "when": {"score": "propensity", "gte": 18}, "keep": {"score": "propensity", "gte": 8}},
            {
                "name": "sql",
                "when": {"score": "propensity", "gte": 22},
                "keep": {"score": "propensity", "gte": 12},
                "sales_ready": True,
            },
            {"name": "order_completed", "when": {"signal": "order_completed"}},
        ],
    },
    "counted": {"leads": 400, "leads_with_outcome": 150, "snapshots": 400, "base_rate": 0.375},
    "accuracy": {"held_out": {"value": 0.667, "low": 0.61, "high": 0.721}, "log_loss": 0.62, "newest": 0.679},
    "others": {"logistic_regression": 0.684, "boosting": 0.628, "active": {"engagement": 0.656, "fit": 0.543}},
    "sizes": [{"rules": 3, "auc": 0.667}],
    "tenths": [{"rows": 40, "mean": 0.693, "had": {"value": 0.7, "low": 0.546, "high": 0.819}, "lift": 1.867}],
    "thresholds": [
        {
            "stage": "sql",
            "score": 22,
            "keep": 12,
            "share": 0.207,
            "leads_a_week": 2.451,
            "precision": {"value": 0.638, "low": 0.52, "high": 0.741},
            "recall": 0.293,
        }
    ],
    "rules": [
        {
            "name": "feature_used_3",
            "points": 7,
            "spread": {"low": 0.0, "high": 17.0, "same_sign": 0.8},
            "leads": 177,
            "rate_with": {"value": 0.537, "low": 0.463, "high": 0.609},
            "rate_without": {"value": 0.247, "low": 0.195, "high": 0.307},
        }
    ],
    "probabilities": {"0": 0.234, "20": 0.465, "40": 0.712},
    "excluded": [{"kind": "event", "name": "Order Completed", "reason": "outcome", "detail": ""}],
    "warnings": ["Only 150 leads had the outcome, or didn't have it: with fewer than 200, points vary a lot."],
}

BACKTEST: dict[str, Any] = {
    "as_known": False,
    "counted": {"leads": 400, "leads_with_outcome": 150, "snapshots": 400, "base_rate": 0.375},
    "auc": {"value": 0.657, "low": 0.601, "high": 0.712},
    "thresholds": {
        "40": {"rows": 85, "share": 0.212, "precision": {"value": 0.529, "low": 0.424, "high": 0.632}, "recall": 0.3}
    },
    "stages": {
        "lead": {
            "rows": 83,
            "share": 0.207,
            "precision": {"value": 0.518, "low": 0.412, "high": 0.622},
            "recall": 0.287,
        }
    },
    "tenths": [{"rows": 40, "mean": 57.661, "had": {"value": 0.625, "low": 0.47, "high": 0.758}, "lift": 1.667}],
    "bands": {
        "cold": {"value": 0.325, "low": 0.274, "high": 0.379},
        "warm": {"value": 0.5, "low": 0.399, "high": 0.601},
        "hot": {"value": 0.875, "low": 0.529, "high": 0.978},
    },
    "unseen": [
        {
            "lead_id": "01a22769-9d30-741d-8b38-e1c7c0036611",
            "day": "2025-07-24",
            "score": 0.95,
            "stage": "interest",
            "reasons": [
                {
                    "rule": "pages",
                    "title": "pages",
                    "signal": "page_viewed",
                    "hits": 1,
                    "last_hit_on": "2025-07-23",
                    "points": 0.95,
                    "kind": "rule",
                }
            ],
        }
    ],
    "ready_without": [
        {
            "lead_id": "01a22769-9c61-70cf-b037-d6578a3eacb9",
            "day": "2025-07-06",
            "score": 61.43,
            "stage": "sql",
            "reasons": [
                {
                    "rule": "pages",
                    "title": "pages",
                    "signal": "page_viewed",
                    "hits": 3,
                    "last_hit_on": "2025-07-05",
                    "points": 2.56,
                    "kind": "rule",
                }
            ],
        }
    ],
    "compared": None,
}
