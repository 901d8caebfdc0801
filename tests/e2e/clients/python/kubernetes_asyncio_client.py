# SPDX-License-Identifier: Apache-2.0
"""PyPI's kubernetes_asyncio. Standard input: a line for each question, its name and its token."""
import asyncio
import json
import sys

# docs: begin
from kubernetes_asyncio import client, config


async def review(api, token):
    question = client.V1TokenReview(spec=client.V1TokenReviewSpec(token=token))
    return (await api.create_token_review(question)).status


async def main():
    await config.load_kube_config()
    async with client.ApiClient() as connection:
        await ask(client.AuthenticationV1Api(connection))
# docs: end


async def ask(api):
    for name, token in map(str.split, sys.stdin):
        status = await review(api, token)
        username = status.user.username if status.user else None
        print(json.dumps({"token": name, "authenticated": bool(status.authenticated), "username": username, "error": status.error}))


asyncio.run(main())
