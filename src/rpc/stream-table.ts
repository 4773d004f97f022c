import type { Http2Server, ServerHttp2Session } from 'node:http2';
import type { Server } from '@grpc/grpc-js';

/** Slots at first; a connection with more than half as many streams at once gets more. */
const FIRST_SLOTS = 64;
/** No stream has this id. */
const FREE = 0;

/**
 * A `Map` for the open streams of a connection, by their ids. A real one gets a new table whenever it has grown or shrunk, and again
 * after as many streams as it has room for; the former table keeps a reference to the new one. Once V8 has moved one of them to the old
 * generation, its young collections take all later ones for alive, with every stream that was in them: some kilobytes a call. Here the
 * same slots serve for as long as the connection lasts.
 */
export class StreamTable<S> extends Map<number, S> {
  #ids = new Array<number>(FIRST_SLOTS).fill(FREE);
  #streams = new Array<S | undefined>(FIRST_SLOTS).fill(undefined);
  #count = 0;

  override get size(): number {
    return this.#count;
  }

  override get(id: number): S | undefined {
    return this.#streams[this.#slotOf(id)];
  }

  override has(id: number): boolean {
    return this.#ids[this.#slotOf(id)] === id;
  }

  override set(id: number, stream: S): this {
    if (id === FREE) throw new RangeError('no stream has the id 0');
    let slot = this.#slotOf(id);
    if (this.#ids[slot] === FREE) {
      if (2 * (this.#count + 1) > this.#ids.length) {
        this.#grow();
        slot = this.#slotOf(id);
      }
      this.#ids[slot] = id;
      this.#count += 1;
    }
    this.#streams[slot] = stream;
    return this;
  }

  override delete(id: number): boolean {
    let free = this.#slotOf(id);
    if (id === FREE || this.#ids[free] !== id) return false;
    const [ids, streams, mask] = [this.#ids, this.#streams, this.#ids.length - 1];
    // Whatever lies behind and would be looked for from the free slot or before it moves up.
    for (let slot = (free + 1) & mask; ids[slot] !== FREE; slot = (slot + 1) & mask) {
      const fromHome = (slot - this.#homeOf(ids[slot] as number)) & mask;
      if (fromHome < ((slot - free) & mask)) continue;
      ids[free] = ids[slot] as number;
      streams[free] = streams[slot];
      free = slot;
    }
    ids[free] = FREE;
    streams[free] = undefined;
    this.#count -= 1;
    return true;
  }

  override clear(): void {
    this.#ids.fill(FREE);
    this.#streams.fill(undefined);
    this.#count = 0;
  }

  /** Of those that are here when it begins and still are when it is their turn, in no particular order. */
  override forEach(callback: (stream: S, id: number, table: Map<number, S>) => void): void {
    for (const [id, stream] of this.#entries()) if (this.has(id)) callback(stream, id, this);
  }

  override keys(): MapIterator<number> {
    return new Map(this.#entries()).keys();
  }

  override values(): MapIterator<S> {
    return new Map(this.#entries()).values();
  }

  override entries(): MapIterator<[number, S]> {
    return new Map(this.#entries()).entries();
  }

  override [Symbol.iterator](): MapIterator<[number, S]> {
    return this.entries();
  }

  #entries(): [number, S][] {
    return this.#ids.flatMap((id, slot): [number, S][] => (id === FREE ? [] : [[id, this.#streams[slot] as S]]));
  }

  /** Where the id is, or the free slot where it would be: there always is one. */
  #slotOf(id: number): number {
    const [ids, mask] = [this.#ids, this.#ids.length - 1];
    let slot = this.#homeOf(id);
    while (ids[slot] !== id && ids[slot] !== FREE) slot = (slot + 1) & mask;
    return slot;
  }

  /** Ids of one connection are all odd or, of a server's own, all even: those that follow each other lie beside each other. */
  #homeOf(id: number): number {
    return (id >>> 1) & (this.#ids.length - 1);
  }

  #grow(): void {
    const entries = this.#entries();
    const slots = 2 * this.#ids.length;
    this.#ids = new Array<number>(slots).fill(FREE);
    this.#streams = new Array<S | undefined>(slots).fill(undefined);
    this.#count = 0;
    for (const [id, stream] of entries) this.set(id, stream);
  }
}

/** Fields that are not published: grpc-js's of its server, Node's of a session of HTTP/2. */
interface ServerInside {
  readonly http2Servers?: ReadonlyMap<Http2Server, unknown>;
}
interface SessionState {
  streams?: { readonly size?: number };
}

/**
 * Gives every connection that will be accepted a `StreamTable`. To be called after binding.
 * @returns false where this grpc-js is made otherwise. As with a Node that is, more of what calls leave behind then waits for the
 * collector of the old generation
 */
export function steadyStreamTables(server: Server): boolean {
  const { http2Servers } = server as unknown as ServerInside;
  if (!(http2Servers instanceof Map)) return false;
  for (const each of http2Servers.keys()) each.on('session', replaceTable);
  return http2Servers.size > 0;
}

/** @returns false where Node keeps the streams otherwise, or has some already */
export function replaceTable(session: ServerHttp2Session | object): boolean {
  const key = Object.getOwnPropertySymbols(session).find(({ description }) => description === 'state');
  const state = key === undefined ? undefined : (session as Record<symbol, SessionState | undefined>)[key];
  const streams = state?.streams;
  if (state === undefined || !isEmptyMap(streams)) return false;
  state.streams = new StreamTable();
  return true;
}

/** Whether it is as a `Map` is; Node's own has another prototype. */
function isEmptyMap(streams: object | undefined): boolean {
  if (streams === undefined || (streams as { size?: unknown }).size !== 0) return false;
  return ['get', 'set', 'delete', 'forEach'].every((name) => typeof (streams as Record<string, unknown>)[name] === 'function');
}
