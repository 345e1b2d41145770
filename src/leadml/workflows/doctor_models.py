"""Whether champion and challenger can serve, and whether they are what the configuration says."""

from collections.abc import Iterator
from datetime import UTC, datetime

from leadml.domain.definition import Definition
from leadml.errors import ModelError
from leadml.model.bundle import Bundle, champion_bundle, read_aliases, read_bundle
from leadml.settings import Settings
from leadml.workflows.check_up import Check
from leadml.workflows.trial import tried

OLD_DAYS = 365


def champion_of(settings: Settings) -> str | None:
    """Return the version named champion; None where none is, or that cannot be read."""
    try:
        return read_aliases(settings.models).get("champion", {}).get("version")
    except ModelError:
        return None


def model_checks(settings: Settings, *, now: datetime | None = None) -> Iterator[Check]:
    """Look at the versions that are named."""
    try:
        bundle = _loaded(settings, "champion")
    except ModelError as error:
        advice = "train with `leadml train LEADS`, or go back with `leadml rollback`"
        yield Check("champion", "problem", str(error), advice, "DOC005")
        return
    yield _champion(bundle, now or datetime.now(UTC))
    yield _agreement(bundle, settings.definition)
    yield _definition(bundle, settings.definition)
    if "challenger" in read_aliases(settings.models):
        yield _challenger(settings)


def _loaded(settings: Settings, alias: str) -> Bundle:
    bundle = read_bundle(champion_bundle(settings.models, alias))
    tried(bundle)
    return bundle


def _champion(bundle: Bundle, now: datetime) -> Check:
    trained_at = str(bundle.manifest["trained_at"])
    days = (now - datetime.fromisoformat(trained_at)).days
    found = (
        f"version {bundle.version} ({bundle.manifest['chosen']}, format "
        f"{bundle.manifest['format']}) can serve; trained {days} days ago"
    )
    if days > OLD_DAYS:
        advice = "compare newer leads with `leadml drift`, and train again"
        return Check("champion", "warning", found, advice, "DOC007")
    return Check("champion", "ok", found)


def _agreement(bundle: Bundle, now: Definition) -> Check:
    if bundle.definition.agreement.hash() == now.agreement.hash():
        return Check("agreement", "ok", "the champion was trained under the agreement that holds")
    found = f"version {bundle.version} was trained under another agreement than the one that holds"
    advice = "train again under the new one; until then scores mean the old one"
    return Check("agreement", "warning", found, advice, "DOC003")


def _definition(bundle: Bundle, now: Definition) -> Check:
    then = bundle.definition
    pairs = {
        "[leads]": (then.leads, now.leads),
        "[activities]": (then.activities, now.activities),
        "[handoff]": (then.handoff, now.handoff),
        "[points]": (then.points, now.points),
    }
    changed = [name for name, (before, after) in pairs.items() if before != after]
    if not changed:
        return Check("mapping and points", "ok", "as they were when the champion was trained")
    found = f"changed since version {bundle.version} was trained: {', '.join(changed)}"
    advice = "the service goes by the version's own; train again to take the change up"
    return Check("mapping and points", "warning", found, advice, "DOC004")


def _challenger(settings: Settings) -> Check:
    try:
        bundle = _loaded(settings, "challenger")
    except ModelError as error:
        advice = "train another; the champion is not touched by this"
        return Check("challenger", "warning", str(error), advice, "DOC006")
    return Check("challenger", "ok", f"version {bundle.version} can serve")
