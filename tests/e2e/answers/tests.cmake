# The same questions to the embedded API server and to a real one.
add_test(NAME e2e/answers COMMAND python3 -B ${CMAKE_CURRENT_LIST_DIR}/answers_test.py)
set_tests_properties(e2e/answers PROPERTIES LABELS e2e TIMEOUT 1500
                     ENVIRONMENT "APISERVER_MAIN=$<TARGET_FILE:apiserver_main>")
