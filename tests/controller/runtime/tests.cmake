datamesh_test(controller/runtime LABEL unit LINKS runtime)
datamesh_test(controller/runtime/leader LABEL contract LINKS runtime apiserver TIMEOUT 300)
