import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  readAudiences,
  readContainerNames,
  readObjectName,
  readOperations,
  readTenants,
} from '../../../src/injector/annotation-values.ts';

interface Case {
  readonly text: string;
  readonly value?: unknown;
  readonly fault?: RegExp;
}

function judge(read: (text: string) => unknown, cases: readonly Case[]): void {
  for (const { text, value, fault } of cases) {
    const title = text.length > 40 ? `${text.slice(0, 40)}…` : text;
    it(`${JSON.stringify(title)} ${fault === undefined ? 'is read' : 'is refused'}`, () => {
      const found = read(text) as { value?: unknown; fault?: string };
      if (fault === undefined) assert.deepEqual(found, { value });
      else assert.match(found.fault ?? `read as ${JSON.stringify(found.value)}`, fault);
    });
  }
}

describe('names of containers', () => {
  judge(readContainerNames, [
    { text: 'app', value: ['app'] },
    { text: ' app , web-2 ', value: ['app', 'web-2'] },
    { text: 'a'.repeat(63), value: ['a'.repeat(63)] },
    { text: 'a'.repeat(64), fault: /no name of a container/ },
    { text: '', fault: /must not be empty/ },
    { text: ' ', fault: /must not be empty/ },
    { text: 'app,', fault: /empty entry/ },
    { text: 'app,app', fault: /"app" twice/ },
    { text: 'App', fault: /"App" is no name/ },
    { text: '-app', fault: /no name/ },
    { text: '../../etc', fault: /no name/ },
    { text: '*', fault: /no name/ },
    { text: Array.from({ length: 257 }, (_, index) => `c${index}`).join(','), fault: /more than 256 entries/ },
  ]);
});

describe('tenants', () => {
  judge(readTenants, [
    { text: '*', value: ['*'] },
    { text: 'acme,globex:eu@1', value: ['acme', 'globex:eu@1'] },
    { text: 'acme,*', fault: /beside \*/ },
    { text: 'a b', fault: /"a b" is no id of a tenant/ },
    { text: '$(SECRET)', fault: /no id/ },
    { text: 'x'.repeat(129), fault: /^"x{64}…" is no id/ },
  ]);
});

describe('operations', () => {
  judge(readOperations, [
    { text: 'encrypt, decrypt', value: ['encrypt', 'decrypt'] },
    { text: '*', value: ['*'] },
    { text: 'Encrypt', fault: /"Encrypt" is no operation: there are encrypt, decrypt, .*, \*/ },
    { text: 'encrypt,*', fault: /beside \*/ },
  ]);
});

describe('names of objects', () => {
  judge(
    (text) => readObjectName(text, 'ConfigMap'),
    [
      { text: 'keyside', value: 'keyside' },
      { text: 'shop.keyside-2', value: 'shop.keyside-2' },
      { text: 'a'.repeat(253), value: 'a'.repeat(253) },
      { text: 'a'.repeat(254), fault: /name of a ConfigMap/ },
      { text: '', fault: /name of a ConfigMap, not ""/ },
      { text: 'other/keyside', fault: /name of a ConfigMap/ },
      { text: 'a..b', fault: /name of a ConfigMap/ },
      { text: `${'a-'.repeat(100_000)}!`, fault: /name of a ConfigMap/ },
    ],
  );
});

describe('audiences', () => {
  judge(readAudiences, [
    { text: 'aws', value: [{ name: 'aws', audience: 'sts.amazonaws.com' }] },
    {
      text: 'aws=sts.amazonaws.com.cn, azure, vault=https://vault.example',
      value: [
        { name: 'aws', audience: 'sts.amazonaws.com.cn' },
        { name: 'azure', audience: 'api://AzureADTokenExchange' },
        { name: 'vault', audience: 'https://vault.example' },
      ],
    },
    { text: 'gcp', fault: /gcp needs its audience/ },
    { text: 'gcp=', fault: /gcp needs its audience/ },
    { text: 'constructor', fault: /constructor needs its audience/ },
    { text: '../x=y', fault: /no name for a token/ },
    { text: 'a=b c', fault: /without spaces/ },
    { text: `a=${'b'.repeat(257)}`, fault: /1 to 256 characters/ },
    { text: 'aws,aws=other', fault: /names aws twice/ },
    { text: 'a=1,b=1,c=1,d=1,e=1,f=1,g=1,h=1,i=1', fault: /more than 8/ },
  ]);
});
