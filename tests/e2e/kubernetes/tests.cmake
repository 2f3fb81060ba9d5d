# The product on a real Kubernetes API server (hack/kubernetes-assets; skipped where there is none), and faults done to that.
if(TARGET datamesh AND TARGET nats_client)
  # A clock of the day that is wrong, for one program.
  add_library(skewed_clock SHARED ${CMAKE_CURRENT_LIST_DIR}/skewed_clock.cpp)
  set_target_properties(skewed_clock PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  set(environment "DATAMESH_BIN=$<TARGET_FILE:datamesh>;NATS_CLIENT=$<TARGET_FILE:nats_client>;SKEWED_CLOCK=$<TARGET_FILE:skewed_clock>")

  foreach(suite faults_test storms_test changes_test leadership_test)
    add_test(NAME e2e/kubernetes/${suite} COMMAND python3 -B ${CMAKE_CURRENT_LIST_DIR}/${suite}.py)
    set_tests_properties(e2e/kubernetes/${suite} PROPERTIES LABELS fault TIMEOUT 1800 SKIP_RETURN_CODE 77
                         ENVIRONMENT "${environment}")
  endforeach()
endif()
