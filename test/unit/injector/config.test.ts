import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { ConfigurationError } from '../../../src/config/fault.ts';
import { injectionSettings, loadInjectorConfig, parseInjectorConfig } from '../../../src/injector/config.ts';
import { DEFAULT_SETTINGS } from '../../../src/injector/settings.ts';
import { temporaryDirectory } from '../../integration/daemon-process.ts';

const FILE = '/etc/keyside-injector/injector.yaml';
const SELF_MADE = `
  source: self-made
  namespace: keyside
  service: injector
  secret: certificate
  lease: injector
  webhookConfiguration: injector`;

/** @param certificates what follows in `certificates` */
function text({ sidecar = '', certificates = '', more = '' } = {}): string {
  return `sidecar:\n  image: registry.example.com/keyside:1\n${sidecar}certificates:${SELF_MADE}\n${certificates}${more}`;
}

function faultsOf(file: string): string[] {
  try {
    parseInjectorConfig(file, FILE);
  } catch (error) {
    assert.ok(error instanceof ConfigurationError, String(error));
    return error.message.split('\n');
  }
  return [];
}

describe("the injector's file", () => {
  it('needs no more than the image and who makes the certificates', () => {
    const config = parseInjectorConfig(text(), FILE);
    assert.deepEqual(config.listen, { webhook: { host: '0.0.0.0', port: 8443 }, http: { host: '0.0.0.0', port: 8080 } });
    assert.deepEqual(config.certificates, {
      source: 'self-made',
      namespace: 'keyside',
      service: 'injector',
      secret: 'certificate',
      lease: 'injector',
      webhookConfiguration: 'injector',
      authorityLifetime: 365 * 86_400_000,
      certificateLifetime: 30 * 86_400_000,
      propagation: 120_000,
      checkInterval: 10_000,
      leaderElection: { leaseDuration: 15_000, renewDeadline: 10_000, retryPeriod: 2_000 },
    });
    assert.deepEqual(injectionSettings(config, { version: '1.2.3', nativeSidecars: false }), {
      ...DEFAULT_SETTINGS,
      version: '1.2.3',
      nativeSidecars: false,
      image: 'registry.example.com/keyside:1',
    });
  });

  it('resolves paths against its own folder', () => {
    const file =
      'sidecar: { image: keyside }\ncertificates: { source: files, directory: certificate }\napiServer: { tokenFile: /a/token }\n';
    const { certificates, apiServer } = parseInjectorConfig(file, FILE);
    assert.deepEqual(certificates, { source: 'files', directory: '/etc/keyside-injector/certificate', checkInterval: 10_000 });
    assert.equal(apiServer.tokenFile, '/a/token');
    assert.equal(apiServer.caFile, '/var/run/secrets/kubernetes.io/serviceaccount/ca.crt');
  });

  it('leaves user and group to the namespace, and gives the sidecar what it says', () => {
    const sidecar =
      "  userId: namespace\n  fsGroup: namespace\n  httpHost: '[::]'\n  auditSize: 4Gi\n  resources: { cpuRequest: '1', cpuLimit: '2' }\n";
    const settings = injectionSettings(parseInjectorConfig(text({ sidecar }), FILE), { version: '1', nativeSidecars: true });
    assert.deepEqual(
      [settings.userId, settings.fsGroup, settings.httpHost, settings.auditSize],
      [undefined, undefined, '[::]', '4Gi'],
    );
    assert.deepEqual(settings.resources, { cpuRequest: '1', cpuLimit: '2', memoryRequest: '128Mi', memoryLimit: '512Mi' });
  });

  it('reports every fault at once, each where it stands', () => {
    const faults = faultsOf(`listen:
  webhook: 8443
  http: off
sidecar:
  image: "two words"
  imagePullPolicy: Sometimes
  nativeSidecars: yes
  userId: 0
  httpHost: localhost
  resources: { cpuRequest: lots, memoryRequest: 1Gi, memoryLimit: 512Mi }
  auditSize: 1Mi
certificates:
  source: self-made
  namespace: Keyside
  service: injector
  secret: certificate
  lease: injector
  certificateLifetime: 1s
unknown: 1
`);
    assert.deepEqual(faults, [
      `${FILE}:2:12: listen.webhook: must be an address and a port, such as 0.0.0.0:8443 or [::]:8443`,
      `${FILE}:3:9: listen.http: must be an address and a port, such as 0.0.0.0:8443 or [::]:8443`,
      `${FILE}:5:10: sidecar.image: must be an image: repository and tag or digest`,
      `${FILE}:6:20: sidecar.imagePullPolicy: must be Always, IfNotPresent or Never`,
      `${FILE}:7:19: sidecar.nativeSidecars: must be auto, on or off`,
      `${FILE}:8:11: sidecar.userId: must be at least 1`,
      `${FILE}:9:13: sidecar.httpHost: must be an IPv4 address, or an IPv6 address in brackets`,
      `${FILE}:10:28: sidecar.resources.cpuRequest: must be a quantity of cores from 1m to 256, such as 100m or 2`,
      `${FILE}:11:14: sidecar.auditSize: must be a quantity of bytes from 128Mi to 1Ti, such as 2Gi`,
      `${FILE}:12:1: certificates.webhookConfiguration: is missing`,
      `${FILE}:14:14: certificates.namespace: is no name of such an object of Kubernetes`,
      `${FILE}:18:24: certificates.certificateLifetime: must be from 3s to 366d`,
      `${FILE}:19:1: unknown: is not a known key`,
    ]);
  });

  const across: readonly { name: string; file: string; want: string }[] = [
    {
      name: 'a request above its limit',
      file: text({ sidecar: '  resources: { memoryRequest: 1Gi }\n' }),
      want: `${FILE}:3:31: sidecar.resources.memoryRequest: must not be more than memoryLimit`,
    },
    {
      name: 'a certificate that may outlive the overlap of two authorities',
      file: text({ certificates: '  authorityLifetime: 60d\n' }),
      want: `${FILE}:3:1: certificates.certificateLifetime: must be at most a third of authorityLifetime`,
    },
    {
      name: 'a propagation that certificates do not live to see',
      file: text({ certificates: '  certificateLifetime: 10m\n' }),
      want: `${FILE}:3:1: certificates.propagation: must be at most a tenth of certificateLifetime`,
    },
    {
      name: 'certificates that are looked after too seldom',
      file: text({ certificates: '  certificateLifetime: 1m\n  propagation: 1s\n' }),
      want: `${FILE}:3:1: certificates.checkInterval: must be at most a tenth of certificateLifetime`,
    },
    {
      name: 'a leader that leads while others may',
      file: text({ certificates: '  leaderElection: { renewDeadline: 15s }\n', more: 'apiServer: { timeout: 100ms }\n' }),
      want: `${FILE}:10:36: certificates.leaderElection.renewDeadline: must be less than leaseDuration`,
    },
    {
      name: 'a leader with one try to keep its lease',
      file: text({ certificates: '  leaderElection: { retryPeriod: 5s }\n' }),
      want: `${FILE}:10:34: certificates.leaderElection.retryPeriod: must be less than half of renewDeadline`,
    },
    {
      name: 'writes that end after others may lead',
      file: text({ more: 'apiServer: { timeout: 6s }\n' }),
      want: `${FILE}:10:23: apiServer.timeout: must not be more than what certificates.leaderElection.leaseDuration is above renewDeadline`,
    },
  ];
  for (const { name, file, want } of across) {
    it(`refuses ${name}`, () => assert.ok(faultsOf(file).includes(want), `${faultsOf(file)}`));
  }

  it('is read from disk', (t) => {
    const file = join(temporaryDirectory(t), 'injector.yaml');
    assert.throws(
      () => loadInjectorConfig(file),
      new ConfigurationError([
        { file, line: undefined, column: undefined, path: '', message: 'cannot be read: no such file or folder' },
      ]),
    );
    writeFileSync(file, text());
    assert.equal(loadInjectorConfig(file).log.level, 'info');
  });
});
