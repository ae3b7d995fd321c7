{{- define "runlog.labels" -}}
app.kubernetes.io/name: runlog
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "runlog.allLabels" -}}
{{ include "runlog.labels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "runlog.image" -}}
{{- with .Values.image -}}
{{- if .digest }}{{ .repository }}@{{ .digest }}{{ else }}{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}{{ end -}}
{{- end -}}
{{- end }}

{{- define "runlog.account" -}}
{{- .Values.serviceAccount.name | default .Release.Name -}}
{{- end }}

{{/* What no pod of the chart goes without. */}}
{{- define "runlog.podSecurity" -}}
runAsNonRoot: true
runAsUser: 1000
runAsGroup: 1000
fsGroup: 1000
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "runlog.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end }}

{{/* Combinations that no server could start with. */}}
{{- define "runlog.check" -}}
{{- if and (gt (int .Values.replicas) 1) (ne .Values.storage.kind "object") }}
{{- fail "replicas: a volume has one server; set storage.kind to object, or replicas to 1" }}
{{- end }}
{{- if and (eq .Values.auth.mode "token") (eq .Values.storage.kind "object") (not .Values.auth.tokensSecret) }}
{{- fail "auth.tokensSecret: servers on an object store need a list of tokens; name a Secret with the key tokens" }}
{{- end }}
{{- if and .Values.rbac.allProjects .Values.rbac.projects }}
{{- fail "rbac.projects and rbac.allProjects exclude each other" }}
{{- end }}
{{- if and (ne .Values.auth.mode "kubernetes") (not .Values.runnerUrl) (not .Values.settings.RUNLOG_AGENTS) }}
{{- fail "runnerUrl: say where runners are; only with auth.mode kubernetes sessions have services" }}
{{- end }}
{{- end }}

{{- define "runlog.env" -}}
- { name: PORT, value: "8080" }
- { name: HOST, value: "0.0.0.0" }
- { name: RUNLOG_AUTH, value: {{ .Values.auth.mode }} }
- { name: RUNLOG_DRAIN, value: {{ .Values.drainSeconds }}s }
{{- if eq .Values.storage.kind "volume" }}
- { name: STORAGE_URL, value: "file:/data" }
{{- else }}
- { name: STORAGE_URL, value: {{ required "storage.object.url: say which bucket, as s3://<bucket>/<prefix>" .Values.storage.object.url | quote }} }
{{- with .Values.storage.object.endpoint }}
- { name: AWS_ENDPOINT_URL_S3, value: {{ . | quote }} }
{{- end }}
# before the variable that is made of it
- name: POD_IP
  valueFrom:
    fieldRef: { fieldPath: status.podIP }
# where the other servers reach this one
- { name: RUNLOG_ADVERTISE_URL, value: "http://$(POD_IP):8080" }
{{- end }}
{{- with .Values.nats.url }}
- { name: RUNLOG_NATS_URL, value: {{ . | quote }} }
{{- end }}
{{- with .Values.runnerUrl }}
- { name: RUNNER_URL, value: {{ . | quote }} }
{{- end }}
{{- with .Values.archive.url }}
- { name: RUNLOG_ARCHIVE_URL, value: {{ . | quote }} }
{{- end }}
{{- if .Values.auth.tokensSecret }}
- { name: RUNLOG_TOKENS_FILE, value: /tokens/tokens }
{{- end }}
{{- if eq .Values.auth.mode "jwt" }}
- { name: RUNLOG_JWT_ISSUER, value: {{ required "auth.jwt.issuer: the iss of tokens" .Values.auth.jwt.issuer | quote }} }
- { name: RUNLOG_JWT_AUDIENCE, value: {{ required "auth.jwt.audience: whom tokens are meant for" .Values.auth.jwt.audience | quote }} }
{{- end }}
{{- if .Values.metrics.enabled }}
- { name: RUNLOG_METRICS_PORT, value: {{ .Values.metrics.port | quote }} }
{{- end }}
{{- range $name, $value := .Values.settings }}
- { name: {{ $name }}, value: {{ $value | quote }} }
{{- end }}
{{- end }}
