#!/usr/bin/env node
// Starts what was compiled, or, in a checkout that was not built, the sources themselves. Plain JavaScript of any age, so that an
// old Node says in words what is missing.
import { existsSync } from 'node:fs';
import module from 'node:module';
import { fileURLToPath } from 'node:url';

const required = 24;
if (Number(process.versions.node.split('.')[0]) < required) {
  process.stderr.write(`keyside needs Node ${required} or newer; this is ${process.version}\n`);
  process.exit(1);
}
// An image brings along what Node's compiler made of its modules (tools/fill-compile-cache.mjs). It is code: nowhere else is it looked
// for, and what is there belongs to whom the program belongs to. By the environment the processes that this one starts use it too.
const cache = fileURLToPath(new URL('../compile-cache', import.meta.url));
if (process.env.NODE_COMPILE_CACHE === undefined && existsSync(cache)) {
  process.env.NODE_COMPILE_CACHE = cache;
  process.env.NODE_COMPILE_CACHE_PORTABLE = '1';
  module.enableCompileCache({ directory: cache, portable: true });
}
const built = new URL('../dist/src/main/keyside.js', import.meta.url);
await import(existsSync(built) ? built.href : new URL('../src/main/keyside.ts', import.meta.url).href);
