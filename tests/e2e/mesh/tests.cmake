# The whole product on real servers, used as its users do: kubectl, helm, psql, nats_client. One control plane a suite.
if(TARGET datamesh AND TARGET nats_client)
  foreach(suite subscription_test domain_test drift_test product_test backend_test crash_test command_test event_test)
    add_test(NAME e2e/mesh/${suite} COMMAND python3 -B ${CMAKE_CURRENT_LIST_DIR}/${suite}.py)
    set_tests_properties(e2e/mesh/${suite} PROPERTIES LABELS e2e TIMEOUT 1200
                         ENVIRONMENT "DATAMESH_BIN=$<TARGET_FILE:datamesh>;NATS_CLIENT=$<TARGET_FILE:nats_client>")
  endforeach()
  # The same suites on a real API server.
  foreach(suite domain_test drift_test crash_test command_test event_test)
    add_test(NAME e2e/mesh/${suite}-kubernetes COMMAND python3 -B ${CMAKE_CURRENT_LIST_DIR}/${suite}.py)
    set_tests_properties(e2e/mesh/${suite}-kubernetes PROPERTIES LABELS e2e TIMEOUT 1200 SKIP_RETURN_CODE 77
                         ENVIRONMENT "DATAMESH_BIN=$<TARGET_FILE:datamesh>;NATS_CLIENT=$<TARGET_FILE:nats_client>;DATAMESH_SERVER=kubernetes")
  endforeach()
  add_test(NAME e2e/demo COMMAND ${CMAKE_SOURCE_DIR}/hack/demo)
  add_test(NAME e2e/demo-kubernetes COMMAND ${CMAKE_SOURCE_DIR}/hack/demo --server kubernetes)
  set_tests_properties(e2e/demo e2e/demo-kubernetes PROPERTIES LABELS e2e TIMEOUT 1200 SKIP_RETURN_CODE 77
                       ENVIRONMENT "DATAMESH_BIN=$<TARGET_FILE:datamesh>;NATS_CLIENT=$<TARGET_FILE:nats_client>")
endif()
