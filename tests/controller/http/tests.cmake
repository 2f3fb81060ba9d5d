datamesh_test(controller/http LABEL unit LINKS http TIMEOUT 60)
datamesh_test(controller/http/fault LABEL fault LINKS http TIMEOUT 180 SERIAL)
