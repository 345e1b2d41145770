"""Whether a running service answers, and with which version."""

from leadml.workflows.check_up import Check

SECONDS = 5.0


def service_check(url: str, champion: str | None) -> Check:
    """Ask a service whether it is ready; `champion` is the version named in ``aliases.json``."""
    import httpx2

    ask = f"{url.rstrip('/')}/readyz"
    try:
        answer = httpx2.get(ask, timeout=SECONDS)
        content = answer.json()
    except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
        found = f"{ask} does not answer as leadml does: {type(error).__name__}"
        advice = "start `leadml serve`, or correct --url"
        return Check("service", "problem", found, advice, "DOC017")
    if answer.status_code != httpx2.codes.OK or "version" not in content:
        found = f"{ask} says {answer.status_code}: {content.get('detail', 'nothing of leadml')}"
        return Check("service", "problem", found, "see the champion above, and the log", "DOC017")
    version, problem = content["version"], content.get("problem")
    if version == champion and not problem:
        return Check("service", "ok", f"{url} is ready with version {version}")
    found = f"{url} scores with version {version}, and aliases.json names {champion or 'none'}"
    advice = problem or "is it the service of this configuration? A new champion takes a second"
    return Check("service", "warning", found, advice, "DOC018")
