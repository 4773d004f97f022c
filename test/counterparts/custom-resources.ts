import { parse } from 'yaml';

interface Definition {
  readonly spec: {
    readonly group: string;
    readonly names: { readonly kind: string };
    readonly versions: readonly { readonly name: string; readonly schema: { readonly openAPIV3Schema: Schema } }[];
  };
}

type Schema = { readonly [keyword: string]: unknown };

/**
 * JSON Schemas of what a CustomResourceDefinition defines, by apiVersion and kind with a space between them. They are strict: an object
 * has the fields that are named, as API servers keep it, and no others.
 */
export function strictSchemas(definition: string): Readonly<Record<string, unknown>> {
  const { spec } = parse(definition) as Definition;
  const entries = spec.versions.map(({ name, schema: { openAPIV3Schema } }) => {
    const schema = strict(openAPIV3Schema) as { properties: object };
    // What all objects have is not said there.
    return [
      `${spec.group}/${name} ${spec.names.kind}`,
      { ...schema, properties: { ...schema.properties, metadata: {} } },
    ] as const;
  });
  return Object.fromEntries(entries);
}

function strict(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(strict);
  if (typeof schema !== 'object' || schema === null) return schema;
  const { type, ...rest } = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, strict(value)])) as Schema;
  const isOpen = 'additionalProperties' in rest || rest['x-kubernetes-preserve-unknown-fields'] === true;
  const isObject = typeof rest.properties === 'object' && type === 'object';
  return {
    ...rest,
    ...(type === undefined || rest['x-kubernetes-int-or-string'] === true ? {} : { type }),
    ...(isObject && !isOpen ? { additionalProperties: false } : {}),
  };
}
