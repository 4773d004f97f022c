#!/usr/bin/env node
// Starts what was compiled, or, in a checkout that was not built, the sources themselves. Plain JavaScript of any age, so that an
// old Node says in words what is missing.
import { existsSync } from 'node:fs';

const required = 24;
if (Number(process.versions.node.split('.')[0]) < required) {
  process.stderr.write(`keyside needs Node ${required} or newer; this is ${process.version}\n`);
  process.exit(1);
}
const built = new URL('../dist/src/main/keyside.js', import.meta.url);
await import(existsSync(built) ? built.href : new URL('../src/main/keyside.ts', import.meta.url).href);
