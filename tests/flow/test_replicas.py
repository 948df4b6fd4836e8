"""Two replicas share a store: one writes, and when it is killed the other goes on."""

import time
from collections.abc import Iterator

import pytest
import urllib3

from flow_parts import Site, build_site
from forewarn_adapters.local_servers import LocalServer
from webhook import wait_until


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = build_site(tmp_path_factory.mktemp("site"))
    yield site
    site.close()


@pytest.fixture
def site(place: Site, request: pytest.FixtureRequest) -> Iterator[Site]:
    """The site without services, and with a store of its own for each test."""
    place.store_url = f"sqlite:///{place.directory}/{request.node.name}.db"
    yield place
    place.stop_services()


def leads(service: LocalServer) -> bool:
    text = urllib3.request("GET", f"{service.url}/metrics").data.decode()
    return "forewarn_leader 1.0" in text


def test_when_the_writing_replica_is_killed_the_other_leaves_no_gap_and_no_double(
    site: Site,
) -> None:
    first = site.service("first").start()
    second = site.service("second").start()
    site.wait_for_scores()
    assert (leads(first), leads(second)) == (True, False)
    began = time.time()
    time.sleep(6)
    first.kill()
    wait_until(lambda: leads(second), seconds=10)
    ended = site.wait_for_scores() - 3
    assert site.unscored(start=began, end=ended) == {}


def test_only_the_replica_with_the_lease_shows_verdicts_to_a_scrape(site: Site) -> None:
    first = site.service("third", remote=False).start()
    wait_until(lambda: shows_scores(first))
    second = site.service("fourth", remote=False).start()
    wait_until(lambda: scored_samples(second) > 0)
    assert (shows_scores(first), shows_scores(second)) == (True, False)
    first.stop()
    wait_until(lambda: shows_scores(second), seconds=10)


def shows_scores(service: LocalServer) -> bool:
    return b"\nforewarn_anomaly_score{" in urllib3.request("GET", f"{service.url}/metrics").data


def scored_samples(service: LocalServer) -> float:
    text = urllib3.request("GET", f"{service.url}/metrics").data.decode()
    name = "forewarn_scored_samples_total{"
    return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(name))


def test_roles_may_run_in_processes_of_their_own(site: Site) -> None:
    api = site.service("api", roles=["api"]).start()
    assert urllib3.request("GET", f"{api.url}/readyz").status == 503
    assert urllib3.request("GET", f"{api.url}/api/v1/signals").status == 200
