datamesh_test(apiserver LABEL unit LINKS apiserver TIMEOUT 300)

add_executable(apiserver_bench EXCLUDE_FROM_ALL ${CMAKE_SOURCE_DIR}/tests/bench/apiserver_bench.cpp)
target_link_libraries(apiserver_bench PRIVATE apiserver datamesh_options OpenSSL::SSL)
set_target_properties(apiserver_bench PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
