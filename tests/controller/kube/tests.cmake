datamesh_test(controller/kube LABEL unit LINKS kube)
datamesh_test(controller/kube/fault LABEL fault LINKS kube TIMEOUT 300)
