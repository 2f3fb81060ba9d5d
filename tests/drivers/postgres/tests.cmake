datamesh_test(drivers/postgres LABEL unit LINKS drivers_postgres)
datamesh_test(drivers/postgres/contract LABEL contract LINKS drivers_postgres datamesh_testing TIMEOUT 900)

# Not a test: `make bench` runs it.
add_executable(postgres_bench EXCLUDE_FROM_ALL ${CMAKE_CURRENT_SOURCE_DIR}/bench/postgres_bench.cpp)
target_link_libraries(postgres_bench PRIVATE drivers_postgres datamesh_testing datamesh_options)
set_target_properties(postgres_bench PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
