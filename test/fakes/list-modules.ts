/**
 * Loaded before a program, it writes down the modules that the program loads: LOADED_MODULES/<process id>, a URL a line, and at the end
 * what Node itself has loaded.
 */
import { appendFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { join } from 'node:path';

const file = join(process.env.LOADED_MODULES ?? '.', String(process.pid));

registerHooks({
  load(url, context, next) {
    appendFileSync(file, `${url}\n`);
    return next(url, context);
  },
});

// `moduleLoadList` has no type: it is Node's own list, for its own tests.
process.once('exit', () =>
  appendFileSync(file, `${(process as unknown as { moduleLoadList: string[] }).moduleLoadList.join('\n')}\n`),
);
