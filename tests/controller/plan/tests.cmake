datamesh_test(controller/plan LABEL unit LINKS plan)
