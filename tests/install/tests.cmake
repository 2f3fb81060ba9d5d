# How the product is installed on Kubernetes: what chart and kustomization render, and the image.
add_test(NAME install/render COMMAND python3 -B ${CMAKE_CURRENT_LIST_DIR}/render_test.py)
set_tests_properties(install/render PROPERTIES LABELS e2e TIMEOUT 600)
if(TARGET datamesh)
  add_test(NAME install/image COMMAND python3 -B ${CMAKE_CURRENT_LIST_DIR}/image_test.py)
  set_tests_properties(install/image PROPERTIES LABELS e2e TIMEOUT 600 ENVIRONMENT "DATAMESH_BIN=$<TARGET_FILE:datamesh>")
endif()
# On a real API server; skipped where there is none.
add_test(NAME install/cluster COMMAND python3 -B ${CMAKE_CURRENT_LIST_DIR}/cluster_test.py)
set_tests_properties(install/cluster PROPERTIES LABELS e2e TIMEOUT 1200 SKIP_RETURN_CODE 77)
if(TARGET datamesh)
  foreach(suite rbac deployed)
    add_test(NAME install/${suite} COMMAND python3 -B ${CMAKE_CURRENT_LIST_DIR}/${suite}_test.py)
    set_tests_properties(install/${suite} PROPERTIES LABELS e2e TIMEOUT 900 SKIP_RETURN_CODE 77
                         ENVIRONMENT "DATAMESH_BIN=$<TARGET_FILE:datamesh>")
  endforeach()
endif()
