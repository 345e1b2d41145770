"""What the service tells of the version that serves."""

from typing import Any

from leadml.workflows.score import Scorer


def model_card(scorer: Scorer) -> dict[str, Any]:
    """Return version, training, threshold and basis, bands, features, agreement and metrics."""
    manifest, agreement = scorer.manifest, scorer.definition.agreement
    return {
        "version": scorer.version,
        "trained_at": manifest["trained_at"],
        "trained_on": {
            "leads": manifest["leads"],
            "won": manifest["won"],
            **manifest["data_window"],
        },
        "chosen": manifest["chosen"],
        "threshold": manifest["threshold"],
        "bands": manifest["bands"],
        "features": scorer.bundle.features.names,
        "agreement": agreement.to_dict(),
        "agreement_hash": agreement.hash(),
        "points": _points(scorer),
        "eventually": manifest.get("eventually"),
        "accounts": manifest.get("accounts"),
        "value": manifest.get("value"),
        "metrics": manifest["out_of_time"],
        "looks_at": _looks_at(scorer),
    }


def _looks_at(scorer: Scorer) -> dict[str, Any] | None:
    peers, bundle = scorer.bundle.peers, scorer.bundle
    if peers is None:
        return None
    return peers.looks_at(bundle.features.names, exact=bundle.machine.additive)


def _points(scorer: Scorer) -> dict[str, Any] | None:
    definition = scorer.definition
    if not definition.has_points:
        return None
    return {
        "threshold": definition.points.threshold,
        "column": definition.leads.points,
        "rules": len(definition.points.rules),
        "buckets": definition.points.buckets,
    }
