# The whole product on real servers, used as its users do: kubectl, helm, psql, nats_client. One control plane a suite.
# They take minutes each (label soak: ctest -L soak); `make test` runs the demo, which goes the same ways once.
if(TARGET datamesh AND TARGET nats_client)
  foreach(suite subscription_test drift_test product_test backend_test crash_test command_test)
    add_test(NAME e2e/mesh/${suite} COMMAND python3 -B ${CMAKE_CURRENT_LIST_DIR}/${suite}.py)
    set_tests_properties(e2e/mesh/${suite} PROPERTIES LABELS soak TIMEOUT 1800
                         ENVIRONMENT "DATAMESH_BIN=$<TARGET_FILE:datamesh>;NATS_CLIENT=$<TARGET_FILE:nats_client>")
  endforeach()
  add_test(NAME e2e/mesh/event_test COMMAND python3 -B ${CMAKE_CURRENT_LIST_DIR}/event_test.py)
  set_tests_properties(e2e/mesh/event_test PROPERTIES LABELS e2e TIMEOUT 900
                       ENVIRONMENT "DATAMESH_BIN=$<TARGET_FILE:datamesh>;NATS_CLIENT=$<TARGET_FILE:nats_client>")
  add_test(NAME e2e/demo COMMAND ${CMAKE_SOURCE_DIR}/hack/demo)
  add_test(NAME e2e/demo-kubernetes COMMAND ${CMAKE_SOURCE_DIR}/hack/demo --server kubernetes)
  set_tests_properties(e2e/demo e2e/demo-kubernetes PROPERTIES LABELS e2e TIMEOUT 900 SKIP_RETURN_CODE 77
                       ENVIRONMENT "DATAMESH_BIN=$<TARGET_FILE:datamesh>;NATS_CLIENT=$<TARGET_FILE:nats_client>")
endif()
