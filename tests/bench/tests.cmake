# Not tests: `make bench` builds and runs them (postgres_bench and storage_bench are defined beside their layers' tests).
add_executable(api_load EXCLUDE_FROM_ALL ${CMAKE_CURRENT_LIST_DIR}/api_load.cpp)
target_link_libraries(api_load PRIVATE OpenSSL::SSL datamesh_options)
add_executable(nats_bench EXCLUDE_FROM_ALL ${CMAKE_CURRENT_LIST_DIR}/nats_bench.cpp)
target_link_libraries(nats_bench PRIVATE drivers_nats datamesh_testing datamesh_options)
set_target_properties(api_load nats_bench PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)

# Whether measuring works, with small numbers. Not run by `make test`: `ctest -L bench`.
add_test(NAME bench COMMAND ${CMAKE_SOURCE_DIR}/hack/bench --quick --build-dir ${CMAKE_BINARY_DIR})
set_tests_properties(bench PROPERTIES LABELS bench TIMEOUT 1200 RUN_SERIAL TRUE)
