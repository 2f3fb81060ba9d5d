datamesh_test(drivers/memory LABEL contract LINKS drivers_memory)
