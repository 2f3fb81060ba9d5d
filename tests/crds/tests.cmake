datamesh_test(crds LABEL unit LINKS crds api apiserver)
