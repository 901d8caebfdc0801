# SPDX-License-Identifier: Apache-2.0
"""What clients look up before they send a review: discovery and OpenAPI. That kubectl takes it is tests/e2e/test_discovery.py's."""
import json

import pytest

import kit

GROUP = "authentication.k8s.io"
AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
JSON_PAGES = ["/api", "/apis", f"/apis/{GROUP}", f"/apis/{GROUP}/v1", f"/apis/{GROUP}/v1beta1", "/openapi/v3",
              f"/openapi/v3/apis/{GROUP}/v1", f"/openapi/v3/apis/{GROUP}/v1beta1"]


@pytest.mark.parametrize("path", JSON_PAGES)
def test_discovery_page(server, path):
    response = server.get(path + "?timeout=32s")
    assert response.status == 200 and response.headers["content-type"] == "application/json"
    assert isinstance(response.json(), dict)
    refused = server.request("POST", path, body="{}")
    refused.assert_status_body(405, "MethodNotAllowed")
    assert set(refused.headers["allow"].replace(" ", "").split(",")) == {"GET", "HEAD"}


def test_discovery_every_link_leads_somewhere(server):
    groups = server.get("/apis").json()["groups"]
    assert [group["name"] for group in groups] == [GROUP]
    for version in groups[0]["versions"]:
        listed = server.get(f"/apis/{version['groupVersion']}").json()
        for resource in listed["resources"]:
            review = server.request("POST", f"/apis/{version['groupVersion']}/{resource['name']}", '{"spec":{"token":"x"}}',
                                    {"Content-Type": "application/json"})
            assert review.status == 200 and review.json()["apiVersion"] == version["groupVersion"]
    for name, entry in server.get("/openapi/v3").json()["paths"].items():
        assert entry["serverRelativeURL"].startswith(f"/openapi/v3/{name}?hash=")
        document = server.get(entry["serverRelativeURL"]).json()
        assert all(path.startswith(f"/{name}/") for path in document["paths"])


def test_discovery_aggregated_is_for_who_asks_for_it(server):
    older = server.get("/apis")
    newer = server.get("/apis", headers={"Accept": AGGREGATED})
    assert older.headers["content-type"] == "application/json" and older.json()["kind"] == "APIGroupList"
    assert newer.headers["content-type"] == AGGREGATED
    assert older.headers["vary"] == newer.headers["vary"] == "Accept"
    versions = newer.json()["items"][0]["versions"]
    assert [version["version"] for version in versions] == ["v1", "v1beta1"]
    assert versions[0]["resources"][0]["resource"] == "tokenreviews"


def test_discovery_openapi_v2_is_protobuf(server):
    response = server.get("/openapi/v2")
    assert response.headers["content-type"] == "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
    assert b"io.k8s.api.authentication.v1.TokenReviewSpec" in response.body


@pytest.mark.parametrize("path", [*JSON_PAGES, "/openapi/v2"])
def test_discovery_is_for_who_may_ask_for_reviews(start_server, tmp_path, path):
    authority = kit.Authority("client CA")
    ca = tmp_path / "client-ca.crt"
    ca.write_text(authority.pem)
    pair = tmp_path / "client.crt", tmp_path / "client.key"
    for file, text in zip(pair, authority.issue(client=True)):
        file.write_text(text)
    server = start_server(f"--client-ca-file={ca}", "--health-bind-address=127.0.0.1:0")
    server.get(path).assert_status_body(401, "Unauthorized")
    assert server.get(path, client=tuple(map(str, pair))).status == 200
    server.health(path).assert_status_body(404, "NotFound")


@pytest.mark.parametrize("path", ["/api/v1", "/apis/", "/apis/apps", f"/apis/{GROUP}/v2", "/openapi", "/openapi/v3/api/v1"])
def test_discovery_what_is_not_there_is_404(server, path):
    server.get(path).assert_status_body(404, "NotFound")


def test_discovery_documents_are_whole_json(server):
    """As bytes, not as a parser takes them: no member twice."""
    def no_duplicates(pairs):
        assert len({name for name, _ in pairs}) == len(pairs), pairs
        return dict(pairs)

    for path in JSON_PAGES:
        json.loads(server.get(path).text, object_pairs_hook=no_duplicates)
