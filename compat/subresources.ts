/** What is sent to the subresources of recorded objects, before it is changed at random. */

type Values = Readonly<Record<string, unknown>>;

const moment = '2026-01-02T03:04:05Z';
const condition = (type: string, more: Values = {}): Values => ({
  ...{ type, status: 'True', lastTransitionTime: moment, reason: 'Because', message: 'said so' },
  ...more,
});

const container = (name: string): Values => ({
  ...{ name, image: 'nginx', imageID: 'docker://x', containerID: 'docker://y', ready: true, started: true },
  restartCount: 1,
  state: { running: { startedAt: moment } },
  lastState: { terminated: { exitCode: 1, reason: 'Error', startedAt: moment, finishedAt: moment } },
  allocatedResources: { cpu: '100m' },
  resources: { requests: { cpu: '100m' }, limits: { memory: '1Gi' } },
  volumeMounts: [{ name: 'data', mountPath: '/data', readOnly: true, recursiveReadOnly: 'Disabled' }],
  user: { linux: { uid: 1, gid: 2, supplementalGroups: [3] } },
});

const scaled = { replicas: 3, observedGeneration: 1, readyReplicas: 2, availableReplicas: 1 };

/** By kind. */
export const statuses: Readonly<Record<string, readonly Values[]>> = {
  APIService: [{ conditions: [condition('Available')] }],
  CertificateSigningRequest: [
    { certificate: 'LS0tLS1CRUdJTg==', conditions: [condition('Failed', { lastUpdateTime: moment })] },
    { conditions: [condition('Approved'), condition('Denied', { status: 'Unknown' })] },
  ],
  CronJob: [
    {
      active: [{ apiVersion: 'batch/v1', kind: 'Job', name: 'a', namespace: 'default', uid: 'u' }],
      ...{ lastScheduleTime: moment, lastSuccessfulTime: moment },
    },
  ],
  CustomResourceDefinition: [
    {
      conditions: [condition('Established', { observedGeneration: 1 }), condition('NamesAccepted')],
      acceptedNames: { plural: 'gizmos', kind: 'Gizmo', listKind: 'GizmoList', singular: 'gizmo', shortNames: ['g'] },
      storedVersions: ['v1'],
    },
  ],
  DaemonSet: [
    {
      ...{ currentNumberScheduled: 1, numberMisscheduled: 2, desiredNumberScheduled: 3, numberReady: 4 },
      ...{
        observedGeneration: 5,
        updatedNumberScheduled: 6,
        numberAvailable: 7,
        numberUnavailable: 8,
        collisionCount: 9,
      },
      conditions: [condition('Progressing')],
    },
  ],
  Deployment: [
    {
      ...{ ...scaled, updatedReplicas: 3, unavailableReplicas: 1, terminatingReplicas: 0, collisionCount: 1 },
      conditions: [condition('Available', { lastUpdateTime: moment }), condition('Progressing')],
    },
  ],
  FlowSchema: [{ conditions: [condition('Dangling')] }],
  HorizontalPodAutoscaler: [
    {
      ...{ observedGeneration: 1, lastScaleTime: moment, currentReplicas: 2, desiredReplicas: 3 },
      currentMetrics: [
        {
          type: 'Resource',
          resource: { name: 'cpu', current: { averageUtilization: 5, averageValue: '1', value: '2' } },
        },
        { type: 'External', external: { metric: { name: 'm' }, current: { value: '3' } } },
      ],
      conditions: [condition('AbleToScale')],
    },
  ],
  Ingress: [
    {
      loadBalancer: {
        ingress: [{ ip: '10.0.0.1', hostname: 'a.b', ports: [{ port: 80, protocol: 'TCP', error: 'a/B' }] }],
      },
    },
  ],
  Job: [
    {
      ...{ startTime: moment, active: 1, ready: 1, terminating: 0, failed: 2, succeeded: 0, failedIndexes: '1,3-5' },
      uncountedTerminatedPods: { succeeded: ['a'], failed: ['b'] },
    },
    {
      ...{ startTime: moment, completionTime: '2026-01-02T04:04:05Z', succeeded: 1, completedIndexes: '0' },
      conditions: [condition('SuccessCriteriaMet'), condition('Complete', { lastProbeTime: moment })],
    },
    {
      ...{ startTime: moment, failed: 1 },
      conditions: [condition('FailureTarget'), condition('Failed'), condition('Suspended', { status: 'False' })],
    },
  ],
  Namespace: [{ phase: 'Active', conditions: [condition('NamespaceDeletionContentFailure')] }],
  Node: [
    {
      capacity: { cpu: '4', memory: '8Gi', pods: '110', 'example.com/x': '2' },
      allocatable: { cpu: '3', memory: '7Gi' },
      phase: 'Running',
      conditions: [condition('Ready', { lastHeartbeatTime: moment })],
      addresses: [
        { type: 'InternalIP', address: '10.0.0.1' },
        { type: 'Hostname', address: 'one' },
      ],
      daemonEndpoints: { kubeletEndpoint: { Port: 10_250 } },
      nodeInfo: {
        ...{ machineID: 'a', systemUUID: 'b', bootID: 'c', kernelVersion: 'd', osImage: 'e', architecture: 'amd64' },
        ...{
          containerRuntimeVersion: 'x://1',
          kubeletVersion: 'v1.36.0',
          kubeProxyVersion: '',
          operatingSystem: 'linux',
        },
        swap: { capacity: 1000 },
      },
      images: [{ names: ['a:1'], sizeBytes: 5 }],
      volumesInUse: ['v'],
      volumesAttached: [{ name: 'v', devicePath: '/dev/x' }],
      config: { active: { configMap: { namespace: 'a', name: 'b', uid: 'c', kubeletConfigKey: 'd' } }, error: 'x' },
      runtimeHandlers: [{ name: 'runc', features: { recursiveReadOnlyMounts: true, userNamespaces: false } }],
      features: { supplementalGroupsPolicy: true },
      declaredFeatures: ['A', 'B'],
    },
  ],
  PersistentVolume: [{ phase: 'Bound', message: 'm', reason: 'r', lastPhaseTransitionTime: moment }],
  PersistentVolumeClaim: [
    {
      ...{ phase: 'Bound', accessModes: ['ReadWriteOnce'], capacity: { storage: '1Gi' } },
      allocatedResources: { storage: '2Gi', 'example.com/x': '1' },
      allocatedResourceStatuses: { storage: 'ControllerResizeInProgress', 'example.com/x': 'NodeResizePending' },
      conditions: [condition('Resizing', { lastProbeTime: moment })],
      currentVolumeAttributesClassName: 'gold',
      modifyVolumeStatus: { targetVolumeAttributesClassName: 'silver', status: 'Pending' },
    },
  ],
  Pod: [
    {
      ...{ phase: 'Running', message: 'm', reason: 'r', nominatedNodeName: 'n', hostIP: '10.0.0.1', podIP: '10.1.0.1' },
      hostIPs: [{ ip: '10.0.0.1' }, { ip: 'fd00::1' }],
      podIPs: [{ ip: '10.1.0.1' }, { ip: 'fd01::1' }],
      ...{ startTime: moment, qosClass: 'BestEffort', observedGeneration: 1, resize: 'InProgress' },
      conditions: [condition('Ready', { lastProbeTime: moment, observedGeneration: 1 }), condition('PodScheduled')],
      containerStatuses: [container('web')],
      initContainerStatuses: [container('init')],
      ephemeralContainerStatuses: [container('debug')],
      resourceClaimStatuses: [{ name: 'claim', resourceClaimName: 'made' }],
      allocatedResources: { cpu: '1' },
      resources: { requests: { cpu: '1' } },
    },
    { phase: 'Failed', containerStatuses: [{ name: 'c', image: 'i', imageID: '', ready: false, restartCount: 0 }] },
  ],
  PodDisruptionBudget: [
    {
      ...{ observedGeneration: 1, disruptionsAllowed: 1, currentHealthy: 2, desiredHealthy: 3, expectedPods: 4 },
      disruptedPods: { a: moment },
      conditions: [condition('DisruptionAllowed', { observedGeneration: 1 })],
    },
  ],
  PriorityLevelConfiguration: [{ conditions: [condition('Stale')] }],
  ReplicaSet: [
    { ...scaled, fullyLabeledReplicas: 2, terminatingReplicas: 1, conditions: [condition('ReplicaFailure')] },
  ],
  ReplicationController: [{ ...scaled, fullyLabeledReplicas: 2, conditions: [condition('ReplicaFailure')] }],
  ResourceClaim: [
    {
      allocation: {
        devices: {
          results: [{ request: 'gpu', driver: 'gpu.example.com', pool: 'p', device: 'd', adminAccess: false }],
          config: [
            {
              ...{ source: 'FromClass', requests: ['gpu'] },
              opaque: { driver: 'gpu.example.com', parameters: { a: 1 } },
            },
          ],
        },
        nodeSelector: {
          nodeSelectorTerms: [{ matchExpressions: [{ key: 'a', operator: 'In', values: ['b'] }] }],
        },
        allocationTimestamp: moment,
      },
      reservedFor: [{ resource: 'pods', name: 'p', uid: 'u' }],
      devices: [
        {
          ...{ driver: 'gpu.example.com', pool: 'p', device: 'd', data: { x: 1 } },
          conditions: [condition('Ready', { observedGeneration: 1 })],
          networkData: { interfaceName: 'eth0', ips: ['10.0.0.1/24'], hardwareAddress: 'aa:bb:cc:dd:ee:ff' },
        },
      ],
    },
  ],
  ResourceQuota: [{ hard: { cpu: '10', pods: '5' }, used: { cpu: '1', pods: '2' } }],
  Service: [
    {
      loadBalancer: {
        ingress: [{ ip: '10.0.0.1', ipMode: 'VIP', ports: [{ port: 80, protocol: 'TCP' }] }, { hostname: 'a.b' }],
      },
      conditions: [condition('Ready', { observedGeneration: 1 })],
    },
  ],
  ServiceCIDR: [{ conditions: [condition('Ready')] }],
  StatefulSet: [
    {
      ...{ ...scaled, currentReplicas: 2, updatedReplicas: 1, collisionCount: 0 },
      ...{ currentRevision: 'web-1', updateRevision: 'web-2', conditions: [condition('Odd')] },
    },
  ],
  ValidatingAdmissionPolicy: [
    {
      observedGeneration: 1,
      typeChecking: { expressionWarnings: [{ fieldRef: 'spec.validations[0].expression', warning: 'w' }] },
      conditions: [condition('Ready', { observedGeneration: 1 })],
    },
  ],
  VolumeAttachment: [
    {
      ...{ attached: true, attachmentMetadata: { a: 'b' } },
      attachError: { time: moment, message: 'm', errorCode: 5 },
      detachError: { time: moment, message: 'm' },
    },
  ],
};

const podMeta = { metadata: { name: '', labels: { a: 'b' } } };
const scale: Values = { apiVersion: 'autoscaling/v1', kind: 'Scale', metadata: { name: '' }, spec: { replicas: 3 } };

interface Sub {
  readonly name: string;
  readonly methods: readonly ('POST' | 'PUT' | 'PATCH')[];
  readonly body: Values;
}

const scalable: readonly Sub[] = [{ name: 'scale', methods: ['PUT', 'PATCH'], body: scale }];

/** By kind, besides status. The name in a body is put in. */
export const subresources: Readonly<Record<string, readonly Sub[]>> = {
  Deployment: scalable,
  ReplicaSet: scalable,
  ReplicationController: scalable,
  StatefulSet: scalable,
  CertificateSigningRequest: [
    {
      name: 'approval',
      methods: ['PUT', 'PATCH'],
      body: {
        ...{ apiVersion: 'certificates.k8s.io/v1', kind: 'CertificateSigningRequest', metadata: { name: '' } },
        status: { conditions: [condition('Approved', { lastUpdateTime: moment })] },
      },
    },
  ],
  Namespace: [
    {
      name: 'finalize',
      methods: ['PUT'],
      body: {
        apiVersion: 'v1',
        kind: 'Namespace',
        metadata: { name: '' },
        spec: { finalizers: ['kubernetes', 'a.b/c'] },
      },
    },
  ],
  ServiceAccount: [
    {
      name: 'token',
      methods: ['POST'],
      body: {
        ...{ apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest' },
        spec: {
          ...{ audiences: ['a'], expirationSeconds: 3600 },
          boundObjectRef: { kind: 'Secret', apiVersion: 'v1', name: 'none', uid: 'x' },
        },
      },
    },
  ],
  Pod: [
    {
      name: 'eviction',
      methods: ['POST'],
      body: {
        ...{ apiVersion: 'policy/v1', kind: 'Eviction', ...podMeta },
        deleteOptions: { gracePeriodSeconds: 5, preconditions: { uid: 'x' }, propagationPolicy: 'Background' },
      },
    },
    {
      name: 'binding',
      methods: ['POST'],
      body: {
        ...{ apiVersion: 'v1', kind: 'Binding', ...podMeta },
        target: { apiVersion: 'v1', kind: 'Node', name: 'somewhere' },
      },
    },
    {
      name: 'ephemeralcontainers',
      methods: ['PUT', 'PATCH'],
      body: {
        ...{ apiVersion: 'v1', kind: 'Pod', ...podMeta },
        spec: {
          ephemeralContainers: [
            {
              ...{ name: 'debug', image: 'busybox', command: ['sh'], stdin: true, tty: true, targetContainerName: 'c' },
              env: [{ name: 'A', value: 'b' }],
              securityContext: { runAsUser: 0, capabilities: { add: ['NET_ADMIN'] } },
              volumeMounts: [{ name: 'data', mountPath: '/d' }],
            },
          ],
        },
      },
    },
    {
      name: 'resize',
      methods: ['PUT', 'PATCH'],
      body: {
        ...{ apiVersion: 'v1', kind: 'Pod', ...podMeta },
        spec: {
          containers: [
            {
              ...{ name: 'c', image: 'nginx' },
              resources: { requests: { cpu: '100m', memory: '1Gi' }, limits: { cpu: '1', memory: '1Gi' } },
              resizePolicy: [{ resourceName: 'cpu', restartPolicy: 'NotRequired' }],
            },
          ],
        },
      },
    },
  ],
};
