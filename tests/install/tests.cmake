# How the product is installed on Kubernetes: what chart and kustomization render.
add_test(NAME install/render COMMAND python3 -B ${CMAKE_CURRENT_LIST_DIR}/render_test.py)
set_tests_properties(install/render PROPERTIES LABELS e2e TIMEOUT 600)
