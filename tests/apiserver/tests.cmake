datamesh_test(apiserver LABEL unit LINKS apiserver)
