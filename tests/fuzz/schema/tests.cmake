datamesh_test(fuzz/schema LABEL unit LINKS apiserver TIMEOUT 60)
