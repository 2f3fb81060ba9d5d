datamesh_test(controller/telemetry LABEL unit LINKS telemetry TIMEOUT 60)
