datamesh_test(contract/store LABEL fault LINKS kube apiserver TIMEOUT 900)
