/** Writes docs/vendor-errors.md: each sample of tools/vendor-errors is read by the provider's own code, and what comes out is the line. */
import { type Actor, type ErrorReason, REASONS, reasonEntry } from '../src/core/errors.ts';
import { writeOrCheck } from './generated-file.ts';
import { VENDOR_ERRORS } from './vendor-errors/providers.ts';
import { KEY_CONFIGURATION, type VendorError } from './vendor-errors/vendor-error.ts';

const TITLES: Readonly<Record<string, string>> = {
  aws: 'AWS KMS',
  gcp: 'Google Cloud KMS',
  azure: 'Azure Key Vault',
  vault: 'HashiCorp Vault and OpenBao Transit',
  pkcs11: 'PKCS#11',
  kmip: 'KMIP',
  local: 'Local key store',
};

/** The class of a failure is that of whoever can mend it. */
const CLASSES: Readonly<Record<Actor, string>> = {
  customer: 'customer revoked',
  'customer or operator': 'customer revoked or our misconfiguration',
  operator: 'our misconfiguration',
  weather: 'outage',
  caller: 'bad data',
  us: 'a fault of Keyside',
};

const INTRODUCTION = `# Vendor errors

What each KMS answers, and the reason ([errors.md](errors.md)) that Keyside makes of it. Every line has the sample that proves it: this
page holds what the provider's own code made of the sample, and \`test/unit/kms/vendor-errors.test.ts\` holds it against the provider's
table. Where Keyside's words name a key configuration, it is \`${KEY_CONFIGURATION}\`; here it is left out.

Samples are words that a vendor was seen to send or documents, here and there with a remark in brackets. KMIP leaves the words to the
server, so some of its samples only say what the specification means by a reason; PKCS#11 has no words but the names of its values.

## Four classes

A failure of a KMS belongs to one of four classes. Whoever can mend it decides which.

`;

const CLASS_NOTES = `
* **Customer revoked.** \`KEY_REVOKED\` is said only of a key whose state is known: the KMS was asked for it, or says in so many words
  what became of the key. Data keys that its configuration opened are forgotten at once; where one version alone is refused, those of
  that version. A refusal without such a proof is \`KEY_ACCESS_DENIED\`: the customer may have taken a permission away, or the operator
  may never have had it. It forgets nothing; what is cached serves until its \`cache.ttl\` is over, and no outage prolongs it.
* **Outage.** Everything that passes by itself, throttling too. A throttling KMS is there, so it does not open the breaker. A data key
  past its \`cache.ttl\` serves on only where its KMS was just seen to be out of reach, and never longer than \`cache.outageLimit\` after
  the KMS last gave it.
* **Our misconfiguration.** The daemon's credentials, its settings or the kind of key are wrong. Treated like a refusal that proves
  nothing: no retry, and nothing is forgotten.
* **Bad data.** The stored wrap was altered or belongs to another key, tenant or context. All of them end in the same words, which tell
  nothing. An outage outranks it: where one alternative of a block is bad data and another could not be asked, the outage is reported.

A block that was refused when it was read, for anything but an outage, is answered from memory for the time of the daemon's
\`cache.negativeTtl\`, so that it does not hammer the KMS; labels whose \`cache.ttl\` is 0 always ask.

The breaker counts outages alone. Any answer of the KMS, a refusal too, closes it. The daemon's own health is never touched by a KMS;
\`tenant/<id>\` of \`grpc.health.v1\` shows how the tenant's key did when it was last used.
`;

const sections = [...VENDOR_ERRORS].map(([provider, errors]) => section(provider, errors));
writeOrCheck('docs/vendor-errors.md', `${INTRODUCTION}${classTable()}${CLASS_NOTES}\n${sections.join('\n')}`);

function classTable(): string {
  const yes = 'yes';
  return table(
    ['class', 'reasons', 'retried', 'next alternative of a block is tried', "fails the tenant's health", 'data keys in memory'],
    [
      [
        'customer revoked',
        reasonsOf('customer', 'customer or operator'),
        'no',
        'no',
        yes,
        'forgotten on `KEY_REVOKED`; else kept until their time is over, not longer',
      ],
      [
        'outage',
        reasonsOf('weather'),
        'within the attempts, the retry budget and the deadline',
        yes,
        yes,
        'serve within `cache.ttl`, then up to `cache.outageLimit`',
      ],
      ['our misconfiguration', reasonsOf('operator'), 'no', 'no', yes, 'kept until their time is over, not longer'],
      ['bad data', reasonsOf('caller'), 'no', yes, 'no', 'kept until their time is over, not longer'],
    ],
  );
}

/** Of the reasons that some vendor's error ends in, those of these actors. */
function reasonsOf(...actors: readonly Actor[]): string {
  const seen = new Set([...VENDOR_ERRORS.values()].flat().flatMap(reasonsOfLine));
  const reasons = (Object.keys(REASONS) as ErrorReason[]).filter((reason) => seen.has(reason));
  return reasons
    .filter((reason) => actors.includes(reasonEntry(reason).actor))
    .map(code)
    .join(', ');
}

function reasonsOfLine({ read }: VendorError): readonly ErrorReason[] {
  const { error, unless } = read();
  return unless === undefined ? [error.reason] : [unless.reason, error.reason];
}

function section(provider: string, errors: readonly VendorError[]): string {
  const heading = `## ${TITLES[provider] ?? provider}\n\nMore in [providers/${provider}.md](providers/${provider}.md).\n`;
  const places = [...Map.groupBy(errors, ({ place }) => place)].map(
    ([place, lines]) => `\n### ${place}\n\n${table(['told by', 'sample', 'reason', 'class', 'Keyside says'], lines.map(line))}`,
  );
  return `${heading}${places.join('')}`;
}

function line({ toldBy, sample, read }: VendorError): readonly string[] {
  const { error, unless } = read();
  const reason = code(error.reason);
  const kind = classOf(error.reason);
  const words = error.message.replace(`key ${KEY_CONFIGURATION}: `, '');
  if (unless === undefined) return [code(toldBy), code(sample), reason, kind, words];
  const { when } = unless;
  return [
    code(toldBy),
    code(sample),
    `${code(unless.reason)} where ${when}, else ${reason}`,
    kind.startsWith(classOf(unless.reason)) ? kind : `${classOf(unless.reason)}, else ${kind}`,
    `else: ${words}`,
  ];
}

function classOf(reason: ErrorReason): string {
  return CLASSES[reasonEntry(reason).actor];
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const row = (cells: readonly string[]): string => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |\n`;
  return [head, head.map(() => '---'), ...rows].map(row).join('');
}

function code(text: string): string {
  return `\`${text.replaceAll('`', "'")}\``;
}
