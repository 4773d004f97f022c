import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { statementText } from '../../../src/audit/checkpoint.ts';
import { VerificationKey } from '../../../src/audit/signing-key.ts';
import { webhookSinkSchema } from '../../../src/audit/sinks/webhook/config.ts';
import { WebhookSink } from '../../../src/audit/sinks/webhook/sink.ts';
import { parseRecord } from '../../../src/audit/verify-record.ts';
import { parseDaemonConfig } from '../../../src/config/daemon-config.ts';
import { parseTenantsFile } from '../../../src/config/tenants-file.ts';
import { sampleRecords } from '../../contract/sink-contract.ts';
import { type ArrivedRequest, ScriptedHttp } from '../../fakes/scripted-http.ts';

const PAGE = readFileSync('docs/audit.md', 'utf8');

/** The blocks of code of one language in a page. */
function blocks(page: string, language: string): string[] {
  return [...page.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, 'gms'))].map(([, code = '']) => code);
}

test("the page's configuration of the daemon's sinks is one", () => {
  const own = blocks(PAGE, 'yaml').filter((code) => code.startsWith('audit:'));
  assert.ok(own.length > 0);
  for (const code of own) {
    const { audit } = parseDaemonConfig(`tenants: ./tenants\n${code}`, '/etc/keyside/keyside.yaml');
    assert.ok(audit.sinks.length > 0);
  }
});

test("the page's configuration of a tenant's sinks is one", () => {
  const own = blocks(PAGE, 'yaml').filter((code) => code.startsWith('tenants:'));
  assert.ok(own.length > 0);
  for (const code of own) {
    const result = parseTenantsFile(code, '/etc/keyside/tenants.yaml');
    assert.ok('parsed' in result, JSON.stringify(result));
    assert.ok([...result.parsed.tenants.values()].every(({ auditSinks }) => auditSinks.length > 0));
  }
});

type IsFromKeyside = (headers: ArrivedRequest['headers'], body: Uint8Array, secret: string) => boolean;

test("the page's receiver takes what the webhook sink posts, and nothing else", async (t) => {
  const [code = ''] = blocks(PAGE, 'js');
  const receiver = await import(`data:text/javascript,${encodeURIComponent(code)}`);
  const isFromKeyside: IsFromKeyside = receiver.isFromKeyside;
  const folder = mkdtempSync(join(tmpdir(), 'keyside-page-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const [secret = '', other = ''] = [1, 2].map(() => `whsec_${randomBytes(32).toString('base64')}`);
  const secretFile = join(folder, 'secret');
  writeFileSync(secretFile, `${other}\n${secret}\n`);
  const http = new ScriptedHttp(() => ({ status: 204 }));
  await http.start();
  t.after(() => http.stop());
  const sink = new WebhookSink(webhookSinkSchema.parse({ url: `${http.url}/audit`, secretFile }));
  await sink.deliver(sampleRecords(3), AbortSignal.timeout(10_000));
  await sink.close();
  const [request] = http.arrived;
  assert.ok(request !== undefined);
  const { headers, body } = request;
  const wrong = `whsec_${randomBytes(32).toString('base64')}`;
  const former = { ...headers, 'webhook-timestamp': String(Number(headers['webhook-timestamp']) - 600) };
  assert.deepEqual(
    [
      isFromKeyside(headers, body, secret),
      isFromKeyside(headers, body, other),
      isFromKeyside(headers, body, wrong),
      isFromKeyside(headers, Buffer.concat([body, Buffer.from('\n')]), secret),
      isFromKeyside(former, body, secret),
      isFromKeyside({ ...headers, 'webhook-signature': 'v1,AAAA' }, body, secret),
      isFromKeyside({ ...headers, 'webhook-signature': `v1,${'é'.repeat(44)}` }, body, secret),
      isFromKeyside({}, body, secret),
    ],
    [true, true, false, false, false, false, false, false],
  );
});

test('every metric that the page would be woken by is one', () => {
  const names = new Set(PAGE.match(/keyside_audit_[a-z_]+/g));
  assert.ok(names.size > 0);
  const telemetry = readFileSync('docs/telemetry.md', 'utf8');
  assert.deepEqual(
    [...names].filter((name) => !telemetry.includes(`\`${name}\``)),
    [],
  );
});

test('the examples of records are records, and the checkpoint among them is signed', () => {
  const examples = blocks(readFileSync('docs/audit-record.md', 'utf8'), 'json').map((code) => parseRecord(Buffer.from(code)));
  assert.ok(examples.length >= 6);
  assert.deepEqual(
    examples.filter((each) => 'unreadable' in each),
    [],
  );
  const claims = examples.flatMap((each) => ('unreadable' in each ? [] : (each.claim ?? [])));
  assert.equal(claims.length, 1);
  for (const { key, publicKey, signature, statement } of claims) {
    const signer = VerificationKey.fromRaw(publicKey);
    assert.equal(signer.id, key);
    assert.ok(signer.verifies(statementText(statement), Buffer.from(signature, 'base64url')));
    assert.ok(
      !signer.verifies(statementText({ ...statement, sequence: statement.sequence + 1 }), Buffer.from(signature, 'base64url')),
    );
  }
});
