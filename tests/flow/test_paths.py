"""The two paths out give the same series."""

import time
from pathlib import Path

import urllib3

from flow_parts import Site, build_site
from forewarn_adapters.local_servers import (
    LocalServer,
    PrometheusSettings,
    ScrapeJob,
    free_port,
    start_prometheus,
)
from webhook import wait_until

NAMES = "forewarn_(anomaly_.*|return_period_seconds|episode_active|cannot_say|value|expected.*)"


def stored(prometheus: LocalServer, since: float) -> set[tuple[tuple[str, str], ...]]:
    """What was said of samples since then, ended or not."""
    names = NAMES.replace("cannot_say|", "")  # remote write repeats it every half minute only
    names = names.replace("anomaly_.*", "anomaly_score")  # a scrape misses a view of one sample
    window = f"{int((time.time() - since) * 1000)}ms"
    fields = {"query": f'last_over_time({{__name__=~"{names}"}}[{window}])'}
    url = f"{prometheus.url}/api/v1/query"
    found = urllib3.request("GET", url, fields=fields).json()["data"]["result"]
    return {own_labels(series["metric"]) for series in found}


def own_labels(labels: dict[str, str]) -> tuple[tuple[str, str], ...]:
    """Without the target's labels, which a scrape adds where a series has none of its own."""
    if labels.get("job") == "forewarn":
        labels = {name: labels[name] for name in labels.keys() - {"job", "instance"}}
    return tuple(sorted(labels.items()))


def shown(prometheus: LocalServer) -> set[tuple[tuple[str, str], ...]]:
    """What an instant query sees now: nothing that has ended."""
    fields = {"query": f'{{__name__=~"{NAMES}"}}'}
    url = f"{prometheus.url}/api/v1/query"
    found = urllib3.request("GET", url, fields=fields).json()["data"]["result"]
    return {own_labels(series["metric"]) for series in found}


def with_value(name: str, **labels: str) -> set[tuple[str, str]]:
    return {("__name__", name), *labels.items()}


def test_a_scrape_and_remote_write_store_the_same_series(tmp_path: Path) -> None:
    site: Site = build_site(tmp_path, machines=("m0", "m1"))
    site.exporter.add("stranger")
    port = free_port()
    job = ScrapeJob("forewarn", f"127.0.0.1:{port}", honor_labels=True)
    scraping = start_prometheus(tmp_path / "scraping", PrometheusSettings(jobs=(job,)))
    try:
        site.service("scraped", port=port, remote=False).start()
        site.store_url = f"sqlite:///{tmp_path}/other.db"
        site.service("written").start()
        site.wait_for_scores()
        wait_until(lambda: bool(shown(scraping)))
        idle = with_value("forewarn_episode_active", machine="m1", direction="none")
        for prometheus in (scraping, site.prometheus):
            wait_until(lambda at=prometheus: any(idle <= {*labels} for labels in shown(at)))
        began = time.time()
        time.sleep(2)
        site.exporter.fixed["m1"] = 5.0
        active = with_value("forewarn_episode_active", machine="m1", direction="up")
        for prometheus in (scraping, site.prometheus):
            wait_until(lambda at=prometheus: any(active <= {*labels} for labels in shown(at)))
        time.sleep(2)
        assert shown(scraping) == shown(site.prometheus)
        assert stored(scraping, began) == stored(site.prometheus, began)
        stranger = with_value("forewarn_cannot_say", machine="stranger", reason="untrained")
        assert any(stranger <= {*labels} for labels in shown(scraping))
    finally:
        site.close()
        scraping.stop()
