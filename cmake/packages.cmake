# Everything comes from the Debian archive (hack/install-deps).
find_package(Threads REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(Boost 1.74 REQUIRED COMPONENTS system)
find_package(cpprestsdk REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(prometheus-cpp REQUIRED)
find_package(PostgreSQL REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(ZLIB REQUIRED)
find_package(CLI11 REQUIRED)
find_package(spdlog REQUIRED)

add_library(datamesh_cpprest INTERFACE)
target_link_libraries(datamesh_cpprest INTERFACE cpprestsdk::cpprest Boost::system)

# Debian's nats.c carries no CMake package.
find_path(CNATS_INCLUDE nats/nats.h REQUIRED)
find_library(CNATS_LIBRARY nats REQUIRED)
add_library(datamesh_cnats INTERFACE)
target_include_directories(datamesh_cnats SYSTEM INTERFACE ${CNATS_INCLUDE})
target_link_libraries(datamesh_cnats INTERFACE ${CNATS_LIBRARY} OpenSSL::SSL OpenSSL::Crypto)
