"""Every process dies by kill -9, each in turn, while scores are remote-written."""

import time
from pathlib import Path

from flow_parts import build_site
from forewarn.demo.receiver import PageReceiver
from forewarn_adapters.local_servers import start_alertmanager
from webhook import wait_until


def test_every_sample_has_one_score_and_the_alert_comes_once_whoever_is_killed(
    tmp_path: Path,
) -> None:
    webhook = PageReceiver()
    alertmanager = start_alertmanager(tmp_path / "alertmanager", webhook_url=webhook.url)
    site = build_site(tmp_path, alertmanager=alertmanager)
    service = site.service().start()
    try:
        site.wait_for_scores()
        began = time.time() + 1

        service.kill()
        time.sleep(2)
        service.start()
        site.wait_for_scores()

        site.prometheus.kill()
        time.sleep(1)
        site.prometheus.start()
        site.wait_for_scores()

        alertmanager.kill()
        site.exporter.fixed["m1"] = 5.0
        time.sleep(2)
        alertmanager.start()
        wait_until(lambda: bool(webhook.firing()))

        service.kill()
        service.start()
        ended = site.wait_for_scores() - 3

        assert site.unscored(start=began, end=ended) == {}
        delivered = [(alert["labels"]["machine"], alert["status"]) for alert in webhook.firing()]
        assert delivered == [("m1", "firing")]
    finally:
        site.close()
        alertmanager.stop()
        webhook.close()
