# The style guide, executable. Each of them also runs alone: hack/NAME.
function(datamesh_lint name timeout)
  add_test(NAME lint/${name} COMMAND ${ARGN} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  set_tests_properties(lint/${name} PROPERTIES LABELS lint TIMEOUT ${timeout})
endfunction()

datamesh_lint(format 300 ${CMAKE_SOURCE_DIR}/hack/format --check)
datamesh_lint(layers 60 ${CMAKE_SOURCE_DIR}/hack/check_layers)
datamesh_lint(style 60 ${CMAKE_SOURCE_DIR}/hack/check_style)
datamesh_lint(links 60 ${CMAKE_SOURCE_DIR}/hack/check_links)
datamesh_lint(tools 120 python3 -m unittest discover --start-directory ${CMAKE_SOURCE_DIR}/tests/lint --pattern *_test.py)
datamesh_lint(clang-tidy 3000 ${CMAKE_SOURCE_DIR}/hack/tidy --build ${CMAKE_BINARY_DIR})
set_tests_properties(lint/clang-tidy PROPERTIES RUN_SERIAL TRUE)
