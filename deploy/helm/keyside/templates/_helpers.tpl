{{/* The name all objects begin with: at most 50 characters, so that what is appended fits into 63. */}}
{{- define "keyside.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{- define "keyside.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else if contains (include "keyside.name" .) .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "keyside.name" .) | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "keyside.injector" -}}
{{ include "keyside.fullname" . }}-injector
{{- end -}}

{{/* What never changes over the life of a release, since selectors are made of it. */}}
{{- define "keyside.selectorLabels" -}}
app.kubernetes.io/name: {{ include "keyside.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: injector
{{- end -}}

{{- define "keyside.labels" -}}
{{ include "keyside.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* An image as one string; a digest wins over a tag. Called with the image and the tag to take where none is given. */}}
{{- define "keyside.image" -}}
{{- if .image.digest -}}
{{ .image.repository }}@{{ .image.digest }}
{{- else -}}
{{ .image.repository }}:{{ default .defaultTag .image.tag }}
{{- end -}}
{{- end -}}

{{- define "keyside.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "keyside.injector" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- required "serviceAccount.name is needed where serviceAccount.create is false" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* The Secret that the serving certificate lies in, whoever makes it. */}}
{{- define "keyside.certificateSecret" -}}
{{- if eq .Values.certificates.mode "existing-secret" -}}
{{- required "certificates.existingSecret.name is needed with certificates.mode existing-secret" .Values.certificates.existingSecret.name -}}
{{- else -}}
{{ include "keyside.injector" . }}-certificate
{{- end -}}
{{- end -}}

{{/* "true" where the injector makes its certificates itself, and so speaks to the API server. */}}
{{- define "keyside.selfMade" -}}
{{- if eq .Values.certificates.mode "self-made" }}true{{ end -}}
{{- end -}}

{{/*
The version that ValidatingAdmissionPolicy is served in: v1 from 1.30 on, v1beta1 where a cluster before that was told to. Elsewhere
there is none, and nobody shall believe to have it.
*/}}
{{- define "keyside.policyApiVersion" -}}
{{- if semverCompare ">=1.30.0-0" .Capabilities.KubeVersion.Version -}}
admissionregistration.k8s.io/v1
{{- else if .Capabilities.APIVersions.Has "admissionregistration.k8s.io/v1beta1/ValidatingAdmissionPolicy" -}}
admissionregistration.k8s.io/v1beta1
{{- else -}}
{{- fail (printf "ValidatingAdmissionPolicy is served from Kubernetes 1.30 on, and this is %s: set policy.enabled to false, and webhook.failurePolicy to Fail where no pod may start without its sidecar" .Capabilities.KubeVersion.Version) -}}
{{- end -}}
{{- end -}}

{{/* CEL: the pod asks for the sidecar. Of the webhook and of the policy, so that what one overlooks the other does too. */}}
{{- define "keyside.asks" -}}
has(object.metadata.annotations) && 'keyside.dev/inject' in object.metadata.annotations && object.metadata.annotations['keyside.dev/inject'] != 'false'
{{- end -}}

{{/* Where the webhook is asked: nowhere that pods must start for it to answer. */}}
{{- define "keyside.namespaceSelector" -}}
{{- with .Values.webhook.namespaceSelector.matchLabels -}}
matchLabels:
  {{- toYaml . | nindent 2 }}
{{ end -}}
matchExpressions:
  - key: kubernetes.io/metadata.name
    operator: NotIn
    values:
      {{- range concat (list "kube-system" .Release.Namespace) .Values.webhook.excludedNamespaces | uniq }}
      - {{ quote . }}
      {{- end }}
  {{- range .Values.webhook.namespaceSelector.matchExpressions }}
  - {{ toJson . }}
  {{- end }}
{{- end -}}

{{/*
injector.yaml, as src/injector/config.ts reads it. Whoever has no token cannot ask the API server for its version: there the version that
Helm knows decides.
*/}}
{{- define "keyside.injectorConfig" -}}
{{- $name := include "keyside.injector" . }}
{{- $selfMade := eq (include "keyside.selfMade" .) "true" }}
{{- $native := .Values.sidecar.nativeSidecars }}
{{- if and (eq $native "auto") (not $selfMade) }}
{{- $native = ternary "on" "off" (semverCompare ">=1.29.0-0" .Capabilities.KubeVersion.Version) }}
{{- end -}}
sidecar:
  image: {{ include "keyside.sidecarImage" . | quote }}
  imagePullPolicy: {{ default .Values.image.pullPolicy .Values.sidecar.image.pullPolicy }}
  nativeSidecars: {{ $native | quote }}
  userId: {{ .Values.sidecar.userId }}
  fsGroup: {{ .Values.sidecar.fsGroup }}
  httpHost: {{ .Values.sidecar.httpHost | quote }}
  resources:
    {{- range $key, $value := .Values.sidecar.resources }}
    {{- with $value }}
    {{ $key }}: {{ toString . | quote }}
    {{- end }}
    {{- end }}
  auditSize: {{ .Values.sidecar.auditSize | quote }}
  plainDrainSeconds: {{ int .Values.sidecar.plainDrainSeconds }}
certificates:
  {{- if $selfMade }}
  source: self-made
  namespace: {{ .Release.Namespace }}
  service: {{ $name }}
  secret: {{ include "keyside.certificateSecret" . }}
  lease: {{ $name }}
  webhookConfiguration: {{ $name }}
  authorityLifetime: {{ .Values.certificates.selfMade.authorityLifetime }}
  certificateLifetime: {{ .Values.certificates.selfMade.certificateLifetime }}
  {{- else }}
  source: files
  directory: /etc/keyside-certificate
  {{- end }}
listen:
  webhook: {{ printf "%s:%d" .Values.listen.host (int .Values.listen.webhookPort) | quote }}
  http: {{ printf "%s:%d" .Values.listen.host (int .Values.listen.healthPort) | quote }}
log:
  level: {{ .Values.logLevel }}
{{- end -}}

{{/* Each part that sidecar.image leaves empty is that of image; a digest belongs to the repository it stands with. */}}
{{- define "keyside.sidecarImage" -}}
{{- $own := .Values.sidecar.image }}
{{- $image := dict "repository" $own.repository "tag" $own.tag "digest" $own.digest }}
{{- if not (or $own.repository $own.tag $own.digest) }}
{{- $image = .Values.image }}
{{- else if not $own.repository }}
{{- $_ := set $image "repository" .Values.image.repository }}
{{- end }}
{{- include "keyside.image" (dict "image" $image "defaultTag" .Chart.AppVersion) }}
{{- end -}}
