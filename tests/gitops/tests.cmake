# What GitOps tools make of our objects.
add_test(NAME gitops/argocd COMMAND python3 -B ${CMAKE_CURRENT_LIST_DIR}/argocd_test.py)
set_tests_properties(gitops/argocd PROPERTIES LABELS e2e TIMEOUT 120)
if(TARGET datamesh)
  foreach(server embedded kubernetes)
    add_test(NAME gitops/${server} COMMAND python3 -B ${CMAKE_CURRENT_LIST_DIR}/mesh_test.py)
    set_tests_properties(gitops/${server} PROPERTIES LABELS e2e TIMEOUT 1200 SKIP_RETURN_CODE 77
                         ENVIRONMENT "DATAMESH_BIN=$<TARGET_FILE:datamesh>;DATAMESH_SERVER=${server}")
  endforeach()
endif()
