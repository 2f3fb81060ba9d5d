# Debian's own prometheus reads what we expose.
datamesh_test(e2e/telemetry LABEL e2e LINKS telemetry TIMEOUT 120)
