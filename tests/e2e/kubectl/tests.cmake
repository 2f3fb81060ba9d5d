# Stock kubectl (and helm, where there is one) against the embedded API server.
add_executable(apiserver_main ${CMAKE_CURRENT_LIST_DIR}/apiserver_main.cpp)
target_link_libraries(apiserver_main PRIVATE apiserver datamesh_options)
set_target_properties(apiserver_main PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)

foreach(suite kubectl_test protocol_test rbac_test lifecycle_test helm_test)
  if(EXISTS ${CMAKE_CURRENT_LIST_DIR}/${suite}.py)
    add_test(NAME e2e/kubectl/${suite} COMMAND python3 -B ${CMAKE_CURRENT_LIST_DIR}/${suite}.py)
    set_tests_properties(e2e/kubectl/${suite} PROPERTIES LABELS e2e TIMEOUT 600
                         ENVIRONMENT "APISERVER_MAIN=$<TARGET_FILE:apiserver_main>")
  endif()
endforeach()
