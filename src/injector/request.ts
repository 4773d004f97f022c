import {
  type IdentityToken,
  LABEL_NAME,
  type Read,
  readAudiences,
  readContainerNames,
  readObjectName,
  readOperations,
  readTenants,
  shown,
} from './annotation-values.ts';
import { ANNOTATIONS, DEFAULT_CONFIG_MAP, DEFAULT_OPERATIONS, DEFAULT_TENANTS, PREFIX } from './annotations.ts';
import { AUDIT_SIZE, CPU, isQuantityOf, MEMORY, parseQuantity, type QuantityRange } from './quantity.ts';
import type { InjectionSettings, SidecarResources } from './settings.ts';

/** What a pod's annotations ask for. */
export interface InjectionRequest {
  readonly configMap: string;
  readonly tenantsConfigMap: string | undefined;
  readonly secret: string | undefined;
  /** Undefined: the pod's main container. */
  readonly containers: readonly string[] | undefined;
  readonly tenants: Scope;
  readonly operations: Scope;
  readonly resources: SidecarResources;
  /** A quantity. */
  readonly auditSize: string;
  readonly identityTokens: readonly IdentityToken[];
}

/** What tokens are good for: of all containers, and of those that have words of their own. */
export interface Scope {
  readonly all: readonly string[];
  readonly byContainer: ReadonlyMap<string, readonly string[]>;
}

/** A pod's annotations by name. */
export type Annotations = ReadonlyMap<string, string>;

/** What the pod wants: `nothing` where it does not ask, and then the other annotations are not looked at. */
export type Asked =
  | { readonly wants: 'nothing' }
  | { readonly wants: 'sidecar'; readonly request: InjectionRequest }
  | { readonly wants: 'nonsense'; readonly faults: readonly string[] };

/** Reads all annotations of a pod; every fault is reported, each with the name of its annotation. */
export function readRequest(annotations: Annotations, settings: InjectionSettings): Asked {
  const inject = annotations.get(ANNOTATIONS.inject.name);
  if (inject === undefined || inject === 'false') return { wants: 'nothing' };
  const reader = new AnnotationReader(annotations);
  if (inject !== 'true') reader.report(ANNOTATIONS.inject.name, `must be "true" or "false", not ${shown(inject)}`);
  reader.reportUnknown();
  const request: InjectionRequest = {
    configMap: reader.read(ANNOTATIONS.config.name, (text) => readObjectName(text, 'ConfigMap')) ?? DEFAULT_CONFIG_MAP,
    tenantsConfigMap: reader.read(ANNOTATIONS.tenantsConfig.name, (text) => readObjectName(text, 'ConfigMap')),
    secret: reader.read(ANNOTATIONS.secret.name, (text) => readObjectName(text, 'Secret')),
    containers: reader.read(ANNOTATIONS.containers.name, readContainerNames),
    tenants: reader.scope(ANNOTATIONS.tenants.name, DEFAULT_TENANTS, readTenants),
    operations: reader.scope(ANNOTATIONS.operations.name, DEFAULT_OPERATIONS, readOperations),
    resources: readResources(reader, settings.resources),
    auditSize: reader.quantity(ANNOTATIONS.auditSize.name, AUDIT_SIZE) ?? settings.auditSize,
    identityTokens: reader.read(ANNOTATIONS.tokenAudiences.name, readAudiences) ?? [],
  };
  return reader.faults.length > 0 ? { wants: 'nonsense', faults: reader.faults } : { wants: 'sidecar', request };
}

/** What the injector's settings say gives way to what the annotations do: a request to their limit, a limit to their request. */
function readResources(reader: AnnotationReader, settings: SidecarResources): SidecarResources {
  const cpuRequest = reader.quantity(ANNOTATIONS.cpuRequest.name, CPU);
  const cpuLimit = reader.quantity(ANNOTATIONS.cpuLimit.name, CPU);
  const memoryRequest = reader.quantity(ANNOTATIONS.memoryRequest.name, MEMORY);
  const memoryLimit = reader.quantity(ANNOTATIONS.memoryLimit.name, MEMORY);
  if (isAbove(cpuRequest, cpuLimit)) reader.report(ANNOTATIONS.cpuRequest.name, `is above ${ANNOTATIONS.cpuLimit.name}`);
  if (isAbove(memoryRequest, memoryLimit))
    reader.report(ANNOTATIONS.memoryRequest.name, `is above ${ANNOTATIONS.memoryLimit.name}`);
  return {
    cpuRequest: cpuRequest ?? lesser(settings.cpuRequest, cpuLimit),
    cpuLimit: cpuLimit ?? (isAbove(cpuRequest, settings.cpuLimit) ? cpuRequest : settings.cpuLimit),
    memoryRequest: memoryRequest ?? lesser(settings.memoryRequest, memoryLimit),
    memoryLimit: memoryLimit ?? (isAbove(memoryRequest, settings.memoryLimit) ? memoryRequest : settings.memoryLimit),
  };
}

function isAbove(a: string | undefined, b: string | undefined): a is string {
  return a !== undefined && b !== undefined && (parseQuantity(a) ?? 0) > (parseQuantity(b) ?? 0);
}

function lesser(byDefault: string, limit: string | undefined): string {
  return limit !== undefined && isAbove(byDefault, limit) ? limit : byDefault;
}

class AnnotationReader {
  readonly faults: string[] = [];
  readonly #annotations: Annotations;

  constructor(annotations: Annotations) {
    this.#annotations = annotations;
  }

  report(name: string, fault: string): void {
    this.faults.push(`${name} ${fault}`);
  }

  /** Undefined where the annotation is absent or at fault. */
  read<Value>(name: string, parse: (text: string) => Read<Value>): Value | undefined {
    const text = this.#annotations.get(name);
    if (text === undefined) return undefined;
    const read = parse(text);
    if ('value' in read) return read.value;
    this.report(name, read.fault);
    return undefined;
  }

  quantity(name: string, range: QuantityRange): string | undefined {
    return this.read(name, (text) =>
      isQuantityOf(range, text) ? { value: text } : { fault: `${range.words}, not ${shown(text)}` },
    );
  }

  /** An annotation and those of the same name for one container each. */
  scope(name: string, byDefault: string, parse: (text: string) => Read<readonly string[]>): Scope {
    const byContainer = new Map<string, readonly string[]>();
    for (const [own] of this.#annotations) {
      const container = own.startsWith(`${name}.`) ? own.slice(name.length + 1) : '';
      const value = LABEL_NAME.test(container) ? this.read(own, parse) : undefined;
      if (value !== undefined) byContainer.set(container, value);
    }
    return { all: this.read(name, parse) ?? byDefault.split(','), byContainer };
  }

  /** An annotation that nobody reads is a slip, and one that narrows what a token is good for must not get lost. */
  reportUnknown(): void {
    const known = new Set<string>(Object.values(ANNOTATIONS).map(({ name }) => name));
    for (const name of this.#annotations.keys()) {
      if (name.startsWith(PREFIX) && !known.has(name) && !isOfContainer(name)) this.report(name, 'is not known');
    }
  }
}

function isOfContainer(name: string): boolean {
  const scope = [ANNOTATIONS.tenants.name, ANNOTATIONS.operations.name].find((each) => name.startsWith(`${each}.`));
  return scope !== undefined && LABEL_NAME.test(name.slice(scope.length + 1));
}
