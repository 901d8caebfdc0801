# SPDX-License-Identifier: Apache-2.0
"""PyPI's kubernetes. Standard input: a line for each question, its name and its token."""
import json
import sys

# docs: begin
from kubernetes import client, config

config.load_kube_config()
api = client.AuthenticationV1Api()


def review(token):
    question = client.V1TokenReview(spec=client.V1TokenReviewSpec(token=token))
    return api.create_token_review(question).status
# docs: end


for name, token in map(str.split, sys.stdin):
    status = review(token)
    username = status.user.username if status.user else None
    print(json.dumps({"token": name, "authenticated": bool(status.authenticated), "username": username, "error": status.error}))
