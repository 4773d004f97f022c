/** What containers may ask of a node and be held to; quantities as Kubernetes writes them. */
export interface SidecarResources {
  readonly cpuRequest: string;
  /** Undefined: none, so that a burst of calls takes the processor time that is idle. */
  readonly cpuLimit: string | undefined;
  readonly memoryRequest: string;
  readonly memoryLimit: string;
}

/** What the operator of a cluster decides for all pods that ask for the sidecar. */
export interface InjectionSettings {
  /** The injector's own version, for the annotation that says who added the sidecar. */
  readonly version: string;
  /** The sidecar's image, by digest or by tag. */
  readonly image: string;
  readonly imagePullPolicy: 'Always' | 'IfNotPresent' | 'Never';
  /** True: an init container with `restartPolicy: Always` (Kubernetes 1.29 and newer). False: one more container of the pod. */
  readonly nativeSidecars: boolean;
  /** User and group that the sidecar runs as. Undefined: as the namespace has it, where OpenShift gives each a range. */
  readonly userId: number | undefined;
  /** The pod's `fsGroup` where it has none. Undefined: as the namespace has it. */
  readonly fsGroup: number | undefined;
  /** The sidecar's address for probes and metrics: `0.0.0.0`, or `[::]` where pods have IPv6 addresses only. */
  readonly httpHost: string;
  /** Where the annotations say nothing. */
  readonly resources: SidecarResources;
  /** Size limit of the audit trail's volume where the annotation says nothing. */
  readonly auditSize: string;
  /** How long a sidecar that is a plain container goes on serving while the pod's other containers end, in seconds. */
  readonly plainDrainSeconds: number;
}

/** All that has a default. Version and image have none. */
export const DEFAULT_SETTINGS: Omit<InjectionSettings, 'version' | 'image'> = {
  imagePullPolicy: 'IfNotPresent',
  nativeSidecars: true,
  userId: 65_532,
  fsGroup: 65_532,
  httpHost: '0.0.0.0',
  resources: { cpuRequest: '100m', cpuLimit: undefined, memoryRequest: '128Mi', memoryLimit: '512Mi' },
  auditSize: '2Gi',
  plainDrainSeconds: 15,
};
