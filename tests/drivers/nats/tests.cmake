datamesh_test(drivers/nats LABEL contract LINKS drivers_nats TIMEOUT 600)
