datamesh_test(apiserver/schema LABEL unit LINKS apiserver TIMEOUT 60)
