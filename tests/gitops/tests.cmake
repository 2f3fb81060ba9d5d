# What GitOps tools make of our objects.
add_test(NAME gitops/argocd COMMAND python3 -B ${CMAKE_CURRENT_LIST_DIR}/argocd_test.py)
set_tests_properties(gitops/argocd PROPERTIES LABELS e2e TIMEOUT 120)
if(TARGET datamesh)
  add_test(NAME gitops/mesh COMMAND python3 -B ${CMAKE_CURRENT_LIST_DIR}/mesh_test.py)
  set_tests_properties(gitops/mesh PROPERTIES LABELS e2e TIMEOUT 900 ENVIRONMENT "DATAMESH_BIN=$<TARGET_FILE:datamesh>")
endif()
