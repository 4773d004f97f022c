import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { runGoSuite } from './go-suite.ts';
import { whyNoGo } from './kubernetes-tools.ts';

/** Folders of test/kubernetes that need nothing but the manifests, and how many cases each has at least. */
const SUITES = { policy: 85, upgrade: 2 };
/** The first time: for the code of Kubernetes. */
const COMPILE_MS = 900_000;

const missing = await whyNoGo();
if (missing !== undefined) console.log(`# ${missing}`);

describe("webhook and policy, in the code of Kubernetes' API server", { skip: missing ?? false }, () => {
  for (const [suite, least] of Object.entries(SUITES)) {
    it(`${suite}: every case passes`, { timeout: COMPILE_MS }, async () => {
      const { passed, failed, output } = await runGoSuite(suite);
      assert.deepEqual(failed, [], output);
      assert.ok(passed.length >= least, `${passed.length} cases`);
    });
  }
});
