datamesh_test(drivers/process LABEL contract LINKS drivers_process TIMEOUT 180)
