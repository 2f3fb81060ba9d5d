# The documents: what they name exists, and what they show happens.
add_test(NAME docs/documents COMMAND python3 -B ${CMAKE_CURRENT_LIST_DIR}/docs_test.py)
set_tests_properties(docs/documents PROPERTIES LABELS lint TIMEOUT 120)

if(TARGET datamesh)
  add_test(NAME docs/run COMMAND python3 -B ${CMAKE_CURRENT_LIST_DIR}/run_test.py)
  set_tests_properties(docs/run PROPERTIES LABELS e2e TIMEOUT 900 ENVIRONMENT "DATAMESH_BIN=$<TARGET_FILE:datamesh>")
endif()
