datamesh_test(controller/kube LABEL unit LINKS kube)
