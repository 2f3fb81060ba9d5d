{{- define "datamesh.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* The release's name, with the chart's where it does not say it already. Room is left for suffixes. */}}
{{- define "datamesh.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 45 | trimSuffix "-" }}
{{- else if contains (include "datamesh.name" .) .Release.Name }}
{{- .Release.Name | trunc 45 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "datamesh.name" .) | trunc 45 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "datamesh.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "datamesh.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- required "serviceAccount.name is needed where serviceAccount.create is false" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "datamesh.selectorLabels" -}}
app.kubernetes.io/name: {{ include "datamesh.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* Of what there is once in a cluster, whichever release brought it. */}}
{{- define "datamesh.sharedLabels" -}}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/part-of: datamesh
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "datamesh.labels" -}}
app.kubernetes.io/name: {{ include "datamesh.name" . }}
{{ include "datamesh.sharedLabels" . }}
{{- end }}

{{- define "datamesh.image" -}}
{{- if .Values.image.digest }}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest }}
{{- else }}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) }}
{{- end }}
{{- end }}

{{/* Documents of a file, each with the release's labels. Takes: root, path, annotations. */}}
{{- define "datamesh.documents" -}}
{{- $root := .root }}
{{- $labels := include "datamesh.sharedLabels" $root | fromYaml }}
{{- range $text := regexSplit "(?m)^---$" ($root.Files.Get .path) -1 }}
{{- $object := fromYaml $text }}
{{- if $object.Error }}{{ fail (printf "%s: %s" $.path $object.Error) }}{{ end }}
{{- $_ := set $object.metadata "labels" (mergeOverwrite (dict) (default (dict) $object.metadata.labels) $labels) }}
{{- if $.annotations }}
{{- $_ := set $object.metadata "annotations" (mergeOverwrite (dict) (default (dict) $object.metadata.annotations) $.annotations) }}
{{- end }}
---
{{ toYaml $object }}
{{- end }}
{{- end }}
