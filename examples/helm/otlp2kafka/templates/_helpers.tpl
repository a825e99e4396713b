{{- define "otlp2kafka.name" -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{- define "otlp2kafka.selector" -}}
app.kubernetes.io/name: otlp2kafka
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "otlp2kafka.labels" -}}
{{ include "otlp2kafka.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}
