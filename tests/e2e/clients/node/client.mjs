// SPDX-License-Identifier: Apache-2.0
// npm's @kubernetes/client-node. Standard input: a line for each question, its name and its token.
import { createInterface } from 'node:readline';

// docs: begin
import { AuthenticationV1Api, KubeConfig } from '@kubernetes/client-node';

const config = new KubeConfig();
config.loadFromDefault();
const api = config.makeApiClient(AuthenticationV1Api);

async function review(token) {
  const reply = await api.createTokenReview({ body: { spec: { token } } });
  return reply.status;
}
// docs: end

for await (const line of createInterface({ input: process.stdin })) {
  const [name, token] = line.split(' ');
  const status = await review(token);
  console.log(JSON.stringify({
    token: name,
    authenticated: status.authenticated ?? false,
    username: status.user?.username ?? null,
    error: status.error ?? null,
  }));
}
