# What every test may use: a clock to turn by hand, temporary directories, ports, child processes, waiting.
add_library(datamesh_testing STATIC ${CMAKE_CURRENT_SOURCE_DIR}/testing/child.cpp
                                    ${CMAKE_CURRENT_SOURCE_DIR}/testing/free_port.cpp
                                    ${CMAKE_CURRENT_SOURCE_DIR}/testing/temp_dir.cpp
                                    ${CMAKE_CURRENT_SOURCE_DIR}/testing/wait.cpp)
target_link_libraries(datamesh_testing PUBLIC core PRIVATE datamesh_options)
datamesh_test(testing LABEL unit LINKS core)
