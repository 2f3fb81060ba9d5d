datamesh_test(crds LABEL unit LINKS crds api apiserver)
# On a real API server; skipped where there is none.
add_test(NAME crds/cluster COMMAND python3 -B ${CMAKE_CURRENT_LIST_DIR}/cluster_test.py)
set_tests_properties(crds/cluster PROPERTIES LABELS e2e TIMEOUT 600 SKIP_RETURN_CODE 77)
