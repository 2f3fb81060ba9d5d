datamesh_test(controller/core LABEL unit LINKS core)
