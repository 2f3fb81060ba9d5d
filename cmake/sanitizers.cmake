# DATAMESH_SANITIZE: empty, "address,undefined" or "thread".
set(DATAMESH_SANITIZE "" CACHE STRING "Sanitizers to build everything of ours with")
if(DATAMESH_SANITIZE)
  add_compile_options(-fsanitize=${DATAMESH_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all -g1)
  add_link_options(-fsanitize=${DATAMESH_SANITIZE})
endif()
# How the tests run under them (tests/CMakeLists.txt). A finding ends the test.
set(DATAMESH_SANITIZER_ENVIRONMENT
    "ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1"
    "LSAN_OPTIONS=suppressions=${CMAKE_SOURCE_DIR}/cmake/lsan.supp:print_suppressions=0"
    "UBSAN_OPTIONS=print_stacktrace=1"
    "TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1:suppressions=${CMAKE_SOURCE_DIR}/cmake/tsan.supp")
