datamesh_test(reconcilers LABEL unit LINKS reconcilers)
