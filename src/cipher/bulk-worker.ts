/** A worker thread of the bulk cipher: it works off one slot at a time (bulk-slot.ts) and gives away the output. */

import { parentPort } from 'node:worker_threads';
import { type FilledSlot, workOff } from './bulk-slot.ts';
import { chooseCipher } from './choose-cipher.ts';

if (parentPort === null) throw new Error('bulk-worker runs as a worker thread only');
const port = parentPort;
const { cipher } = chooseCipher();

port.on('message', (slot: FilledSlot) => {
  const output = workOff(cipher, slot);
  port.postMessage(output, output === undefined ? [] : [output.buffer as ArrayBuffer]);
});
