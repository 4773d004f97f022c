/** Writes docs/errors.md from the table of reasons in src/core/errors.ts. */
import { type Actor, type ErrorReason, REASONS, reasonEntry } from '../src/core/errors.ts';
import { writeOrCheck } from './generated-file.ts';

const ACTORS: Readonly<Record<Actor, string>> = {
  caller: 'the calling application',
  operator: 'whoever runs the daemon',
  customer: 'the tenant, in its KMS',
  'customer or operator': 'the tenant or whoever runs the daemon',
  weather: 'nobody: it passes',
  us: 'the makers of Keyside: please report it',
};

const INTRODUCTION = `# Errors

A call that fails ends in a gRPC status whose message is \`REASON: sentence\`. The same reason stands in the status details as
\`google.rpc.ErrorInfo\` (\`domain\` is \`keyside.dev\`), with facts such as \`tenantId\`, \`keyId\`, \`provider\` or \`limitBytes\` in its
metadata. Where a retry helps, \`google.rpc.RetryInfo\` says after how long. Decide by the reason, never by the sentence: sentences may
change, reasons do not. The items of a batch carry the same details in their own \`google.rpc.Status\`.

What each KMS answers, and which of these reasons it becomes, stands in [vendor-errors.md](vendor-errors.md).

No message holds plaintext, key bytes, tokens or values of the encryption context.
`;

const LIMITS = `## What is not in the table

* A request beyond the transport's limit (8 MiB by default) is refused by the gRPC library itself: RESOURCE_EXHAUSTED without details.
* A method that the daemon does not serve ends in UNIMPLEMENTED without details.
* The client's own library ends a call in UNAVAILABLE where the daemon cannot be reached, and in DEADLINE_EXCEEDED or CANCELLED where
  the answer came too late to be seen.
`;

writeOrCheck('docs/errors.md', `${INTRODUCTION}\n## Reasons\n\n${table()}\n${LIMITS}`);

function table(): string {
  const reasons = Object.keys(REASONS) as ErrorReason[];
  const heading = '| reason | gRPC code | retry | who acts | meaning |\n|---|---|---|---|---|\n';
  return `${heading}${reasons.map(row).join('')}`;
}

function row(reason: ErrorReason): string {
  const { code, retryAfterMs, actor, meaning } = reasonEntry(reason);
  const retry = retryAfterMs === undefined ? 'no' : `after ${retryAfterMs} ms`;
  return `| \`${reason}\` | ${code} | ${retry} | ${ACTORS[actor]} | ${meaning} |\n`;
}
