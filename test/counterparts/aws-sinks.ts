import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AuditSink, SinkFailure } from '../../src/audit/sink.ts';
import type { AwsCredentials } from '../../src/aws/config.ts';
import type { SinkSubject } from '../contract/sink-contract.ts';
import { type Answer, ScriptedHttp } from '../fakes/scripted-http.ts';
import { TcpProxy } from '../fakes/tcp-proxy.ts';

export const SECRET_KEY = 'wJalrXUtnFEMI+K7MDENG+bPxRfiCYEXAMPLEKEY';

/** How the service of a sink answers, in its own protocol, to credentials it does not know, to too many calls and the like. */
export type Answers = Readonly<Partial<Record<SinkFailure, Answer>>>;

/** Credentials in a file, which no test needs from its surroundings. */
export function credentialsIn(folder: string): AwsCredentials {
  const file = join(folder, 'credentials');
  writeFileSync(file, `[default]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = ${SECRET_KEY}\n`, {
    mode: 0o600,
  });
  return { source: 'file', file, profile: 'default' };
}

/**
 * A subject before moto, which takes any credentials: what it does not answer, a server of the tests' own does.
 * @param open a sink before this endpoint
 */
export async function awsSinkSubject(
  { endpoint, answers }: { endpoint: string; answers: Answers },
  open: (endpoint: string, credentials: AwsCredentials) => AuditSink,
  received: SinkSubject['received'],
): Promise<SinkSubject> {
  const folder = mkdtempSync(join(tmpdir(), 'keyside-aws-sink-'));
  const credentials = credentialsIn(folder);
  const servers: ScriptedHttp[] = [];
  const network = new TcpProxy(Number(new URL(endpoint).port));
  await network.up();
  const serving = async (answer: Answer): Promise<ScriptedHttp> => {
    const http = new ScriptedHttp(() => answer);
    await http.start();
    servers.push(http);
    return http;
  };
  return {
    sink: open(network.url, credentials),
    received,
    unreachable: async () => {
      const http = await serving('never');
      await http.stop();
      return open(http.url, credentials);
    },
    hanging: async () => {
      const http = await serving('never');
      return { sink: open(http.url, credentials), reached: () => http.reached() };
    },
    answering: async (failure) => {
      const answer = answers[failure];
      return answer && open((await serving(answer)).url, credentials);
    },
    outage: network,
    secrets: [SECRET_KEY],
    close: async () => {
      await network.down();
      for (const http of servers) await http.stop();
      rmSync(folder, { recursive: true });
    },
  };
}
