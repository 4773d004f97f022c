import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { awsCases, azureCases, gcpCases } from './doctor-cloud-cases.ts';
import { kmipCases, pkcs11Cases } from './doctor-hsm-cases.ts';
import { type BrokenCase, type Cases, diagnose } from './doctor-patient.ts';
import { vaultCases } from './doctor-vault-cases.ts';

const suites: readonly (readonly [string, Cases])[] = [
  ['AWS KMS', await awsCases()],
  ['Azure Key Vault', await azureCases()],
  ['Google Cloud KMS', await gcpCases()],
  ['KMIP', await kmipCases()],
  ['PKCS#11', await pkcs11Cases()],
  ['Vault', await vaultCases()],
];

for (const [vendor, cases] of suites) {
  if ('missing' in cases) it(`the doctor and ${vendor}`, { skip: cases.missing }, () => undefined);
  else describe(`the doctor and ${vendor}`, () => cases.forEach(tellsWhatToDo));
}

function tellsWhatToDo(broken: BrokenCase): void {
  it(`tells what to do about ${broken.name}`, async (t) => {
    const { exitCode, finding, advice, printed } = await diagnose(t, broken.provider, await broken.break());
    t.diagnostic(finding);
    t.diagnostic(advice);
    assert.equal(exitCode, 1, printed);
    assert.ok(finding.startsWith(`FAIL  key acme-main of acme: ${broken.reason}: `), printed);
    assert.ok(advice.startsWith(`${broken.who}: `), printed);
    for (const words of broken.says) assert.match(`${finding}\n${advice}`, words);
    for (const secret of broken.secrets ?? []) assert.ok(!printed.includes(secret), 'a secret was printed');
    broken.afterwards?.();
  });
}
