datamesh_test(mesh LABEL unit LINKS mesh kube)
