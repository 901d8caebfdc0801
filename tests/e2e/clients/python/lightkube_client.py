# SPDX-License-Identifier: Apache-2.0
"""PyPI's lightkube. Standard input: a line for each question, its name and its token."""
import json
import sys

# docs: begin
from lightkube import Client
from lightkube.models.authentication_v1 import TokenReviewSpec
from lightkube.resources.authentication_v1 import TokenReview

client = Client()


def review(token):
    return client.create(TokenReview(spec=TokenReviewSpec(token=token))).status
# docs: end


for name, token in map(str.split, sys.stdin):
    status = review(token)
    username = status.user.username if status.user else None
    print(json.dumps({"token": name, "authenticated": bool(status.authenticated), "username": username, "error": status.error}))
