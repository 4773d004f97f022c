/** What runs in the containers of a pod under test: calls the sidecar by what the environment says, and prints what came of it. */
import { readdirSync } from 'node:fs';
import { KeysideClient, KeysideError } from '../../clients/typescript/src/index.ts';

// Where there is no socket, a container says so soon.
const connectTimeoutMs = 1_000;
const client = new KeysideClient({ connectTimeoutMs });
const outcome = (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => 'OK',
    (error: unknown) => (error instanceof KeysideError ? error.reason : String(error)),
  );
const folders = (path: string): string[] => {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
};

const document = { ssn: Buffer.from('123-45-6789') };
const roundTrip = async (): Promise<void> => {
  const metadata = { tenantId: process.argv[2] ?? '', requesterId: 'pod' };
  await client.decrypt(await client.encrypt(document, metadata), metadata);
};
const { KEYSIDE_ADDRESS } = process.env;
const withoutToken = new KeysideClient({ connectTimeoutMs, environment: { KEYSIDE_ADDRESS } });
const says = {
  own: await outcome(roundTrip()),
  other: await outcome(client.encrypt(document, { tenantId: process.argv[3] ?? '' })),
  withoutToken: await outcome(withoutToken.encrypt(document, { tenantId: process.argv[2] ?? '' })),
  user: process.getuid?.(),
  run: folders('/run').toSorted(),
  tokens: folders('/run/keyside-tokens'),
};
client.close();
withoutToken.close();
console.log(JSON.stringify(says));
