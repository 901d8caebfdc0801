# SPDX-License-Identifier: Apache-2.0
"""A token that was good is so no longer: who says no when.

kube-bearer says no as soon as the watch has brought the change. kube-apiserver remembers a yes for the webhook's
cache TTL, and above that every yes for 10 s (its TokenSuccessCacheTTL, which no flag moves). So it goes on saying
yes until what it remembers is that old, and says no at the latest after both, one after the other.
"""
import time

import kit
import kit_cluster
import pytest

SUCCESS_CACHE_SEC = 10
EXPIRES_IN_SEC = 8  # enough for a slow machine to see the token accepted before
SLACK_SEC = 3 * kit.DEADLINE_SEC


def delete(cluster, token):
    cluster.delete_token(token)


def change_secret(cluster, token):
    cluster.patch_token(token, token_secret=kit.new_token()[7:])


def take_usage_away(cluster, token):
    cluster.patch_token(token, usage_bootstrap_authentication="false")


def drop_usage(cluster, token):
    cluster.patch_token(token, usage_bootstrap_authentication=None)


def end_its_time(cluster, token):
    cluster.patch_token(token, expiration=kit.rfc3339(-1))


def delete_with_finalizer(cluster, token):
    """It stays, with a deletionTimestamp, for as long as somebody holds it."""
    cluster.admin.patch(kit_cluster.secret_path(token), {"metadata": {"finalizers": ["example.com/e2e"]}})
    cluster.delete_token(token)
    assert cluster.admin.get(kit_cluster.secret_path(token))["metadata"]["deletionTimestamp"]


def wait_for_the_end(cluster, token):
    """Nobody does anything: the token runs out."""


CHANGES = (delete, change_secret, take_usage_away, drop_usage, end_its_time, delete_with_finalizer, wait_for_the_end)


class Case:
    def __init__(self, cluster, change):
        self.change, self.name = change, change.__name__
        self.token = kit.new_token()
        expiration = kit.rfc3339(EXPIRES_IN_SEC) if change is wait_for_the_end else None
        cluster.put_token(self.token, expiration=expiration)
        self.asked_at = self.changed_at = self.bearer_no_at = self.apiserver_no_at = None


@pytest.mark.parametrize("ttl_sec", [0, 20])
def test_when_a_change_counts(start_cluster, ttl_sec):
    cluster = start_cluster(webhook_cache_ttl=f"{ttl_sec}s")
    bearer = cluster.start_bearer()
    cases = [Case(cluster, change) for change in CHANGES]
    for case in cases:
        bearer.wait_accepts(case.token)
    for case in reversed(cases):  # the one that runs out comes first
        case.asked_at = time.monotonic()
        assert cluster.whoami(case.token)["username"] == f"system:bootstrap:{case.token[:6]}", case.name
    for case in cases:
        case.change(cluster, case.token)
        case.changed_at = time.monotonic()
    for case in cases:
        kit.eventually(lambda case=case: not bearer.accepts(case.token), case.name, EXPIRES_IN_SEC + kit.DEADLINE_SEC)
        case.bearer_no_at = time.monotonic()
    deadline = time.monotonic() + ttl_sec + SUCCESS_CACHE_SEC + SLACK_SEC
    while any(case.apiserver_no_at is None for case in cases):
        assert time.monotonic() < deadline, [case.name for case in cases if case.apiserver_no_at is None]
        for case in cases:
            if case.apiserver_no_at is None and cluster.whoami(case.token) is None:
                case.apiserver_no_at = time.monotonic()
        time.sleep(0.05)

    print(f"cache TTL {ttl_sec} s; seconds after the change until kube-bearer and kube-apiserver say no:")
    for case in cases:
        print(f"  {case.name:22} {case.bearer_no_at - case.changed_at:7.3f} {case.apiserver_no_at - case.changed_at:7.3f}")
        # What was remembered was remembered: never shorter than either cache keeps it.
        assert case.apiserver_no_at - case.asked_at >= max(ttl_sec, SUCCESS_CACHE_SEC), case.name
        assert not bearer.accepts(case.token), case.name
    # Each case is refused for its own reason.
    reasons = {"delete": "unknown_token_id", "change_secret": "token_secret_mismatch", "end_its_time": "token_expired"}
    for case in cases:
        if case.name in reasons:
            assert bearer.metric("kube_bearer_token_reviews_total", reason=reasons[case.name]) > 0, case.name


def test_revoked_and_given_back(start_cluster):
    """The way back: what was refused is accepted once its Secret is in order again."""
    cluster = start_cluster()
    bearer = cluster.start_bearer()
    token = cluster.new_token(usage_bootstrap_authentication="false")
    other = cluster.new_token()
    bearer.wait_accepts(other)  # so the earlier Secret has come, too
    assert cluster.whoami(token) is None
    cluster.patch_token(token, usage_bootstrap_authentication="true")
    kit.eventually(lambda: cluster.whoami(token), "the token is accepted again", interval=0.02)
