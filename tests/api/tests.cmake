datamesh_test(api LABEL unit LINKS api kube)
