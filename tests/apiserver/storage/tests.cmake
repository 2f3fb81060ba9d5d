# The store alone, so that its tests build without the rest of the server.
file(GLOB storage_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/apiserver/storage/*.cpp)
add_library(apiserver_storage STATIC EXCLUDE_FROM_ALL ${storage_sources})
target_link_libraries(apiserver_storage PUBLIC core SQLite::SQLite3 ZLIB::ZLIB Threads::Threads PRIVATE datamesh_options)

datamesh_test(apiserver/storage LABEL contract LINKS apiserver_storage datamesh_testing)
datamesh_test(apiserver/storage/faults LABEL fault LINKS apiserver_storage datamesh_testing TIMEOUT 600)

if(EXISTS ${CMAKE_SOURCE_DIR}/tests/bench/storage_bench.cpp)
  add_executable(storage_bench EXCLUDE_FROM_ALL ${CMAKE_SOURCE_DIR}/tests/bench/storage_bench.cpp)
  target_link_libraries(storage_bench PRIVATE apiserver_storage datamesh_options)
endif()
