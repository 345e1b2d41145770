"""Whether a running service answers, with which version, and whether it records its answers."""

from leadml.workflows.check_up import Check

SECONDS = 5.0


def service_check(url: str, champion: str | None, *, records: bool = True) -> Check:
    """Ask a service whether it is ready.

    Parameters
    ----------
    url : str
    champion : str or None
        The version named in ``aliases.json``.
    records : bool
        Whether a ledger is configured, so that scores have to be recorded.
    """
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
    if records and not content.get("recording", True):
        found = f'{url} answers with version {content["version"]}, and "recorded": false'
        advice = "mend what the lines above or the service's log name; no restart is needed"
        return Check("service", "problem", found, advice, "DOC021")
    version, problem = content["version"], content.get("problem")
    if version == champion and not problem:
        return Check("service", "ok", f"{url} is ready with version {version}")
    found = f"{url} scores with version {version}, and aliases.json names {champion or 'none'}"
    advice = problem or "is it the service of this configuration? A new champion takes a second"
    return Check("service", "warning", found, advice, "DOC018")
