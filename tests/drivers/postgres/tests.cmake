datamesh_test(drivers/postgres LABEL contract LINKS drivers_postgres datamesh_testing TIMEOUT 300)
