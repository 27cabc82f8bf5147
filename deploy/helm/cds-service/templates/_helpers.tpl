{{- define "cds-service.labels" -}}
app.kubernetes.io/name: cds-service
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}
