# What every file of ours is compiled with.
add_library(datamesh_options INTERFACE)
target_compile_options(datamesh_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Wold-style-cast -Wcast-qual -Wno-psabi
  -fstack-protector-strong
  # Boost 1.74's asio uses std::exchange in C++20 without including it.
  -include utility)
target_compile_definitions(datamesh_options INTERFACE
  BOOST_ALLOW_DEPRECATED_HEADERS _TURN_OFF_PLATFORM_STRING DATAMESH_VERSION="${PROJECT_VERSION}")
target_include_directories(datamesh_options INTERFACE ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR}/generated)
option(DATAMESH_WERROR "Treat warnings as errors" OFF)
if(DATAMESH_WERROR)
  target_compile_options(datamesh_options INTERFACE -Werror)
endif()
find_program(CCACHE ccache)
if(CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()
find_program(MOLD mold)
if(MOLD)
  add_link_options(-fuse-ld=mold)
endif()
