import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serviceOrigin, serviceUrl } from '../../../src/settings/service-url.ts';

const URLS = [
  { url: 'https://siem.example', origin: true, any: true },
  { url: 'https://siem.example:8088/', origin: true, any: true },
  { url: 'http://127.0.0.1:4318', origin: true, any: true },
  { url: 'http://127.9.8.7:4318/v1/logs', origin: false, any: true },
  { url: 'http://[::1]:4318', origin: true, any: true },
  { url: 'http://localhost:4318', origin: true, any: true },
  { url: 'https://siem.example/in/keyside', origin: false, any: true },
  { url: 'http://siem.example', origin: false, any: false },
  { url: 'http://127.0.0.1.siem.example', origin: false, any: false },
  { url: 'http://localhost.siem.example', origin: false, any: false },
  { url: 'https://user:secret@siem.example', origin: false, any: false },
  { url: 'https://token@siem.example/in', origin: false, any: false },
  { url: 'https://siem.example/in?key=secret', origin: false, any: false },
  { url: 'https://siem.example/in#part', origin: false, any: false },
  { url: 'ftp://127.0.0.1/in', origin: false, any: false },
  { url: 'file:///etc/passwd', origin: false, any: false },
  { url: 'siem.example', origin: false, any: false },
  { url: '', origin: false, any: false },
];

for (const { url, origin, any } of URLS) {
  test(`${JSON.stringify(url)} is ${any ? 'a' : 'no'} URL of a service${any && !origin ? ', and has a path' : ''}`, () => {
    assert.equal(serviceUrl.safeParse(url).success, any);
    assert.equal(serviceOrigin.safeParse(url).success, origin);
  });
}
