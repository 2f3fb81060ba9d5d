"""The checkers find what they promise to find, and count what ran."""

import pathlib
import subprocess
import tempfile
import unittest

HACK = pathlib.Path(__file__).resolve().parent.parent.parent / "hack"


class Checkers(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.root = pathlib.Path(self.folder.name)

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def run_tool(self, tool: str, *arguments: str) -> tuple[int, str]:
        ran = subprocess.run([HACK / tool, *(arguments or (str(self.root),))], capture_output=True, text=True,
                             check=False)
        return ran.returncode, ran.stdout

    def expect_breach(self, tool: str, text: str) -> None:
        code, output = self.run_tool(tool)
        self.assertEqual(code, 1, output)
        self.assertIn(text, output)

    def test_layers_pass_when_every_include_is_allowed(self):
        self.write("controller/core/a.hpp", "#include <string>\n#include <nlohmann/json.hpp>\n")
        self.write("mesh/b.cpp", '#include "controller/core/a.hpp"\n')
        self.assertEqual(self.run_tool("check_layers")[0], 0)

    def test_layers_find_an_include_upwards(self):
        self.write("controller/kube/store.hpp", "")
        self.write("mesh/b.cpp", '#include "controller/kube/store.hpp"\n')
        self.expect_breach("check_layers", "mesh/b.cpp:1: mesh may not include kube")

    def test_layers_find_one_driver_in_another(self):
        self.write("drivers/nats/a.hpp", "")
        self.write("drivers/postgres/b.cpp", '\n#include "drivers/nats/a.hpp"\n')
        self.expect_breach("check_layers", "drivers/postgres/b.cpp:2: drivers/postgres may not include drivers/nats")

    def test_layers_find_a_library_behind_another_door(self):
        self.write("mesh/b.cpp", "#include <yaml-cpp/yaml.h>\n")
        self.expect_breach("check_layers", "mesh is no door to yaml-cpp")

    def test_layers_find_an_unknown_library(self):
        self.write("mesh/b.cpp", "#include <absl/strings/str_cat.h>\n")
        self.expect_breach("check_layers", "mesh is no door to absl")

    def test_layers_find_a_libcrypto_header_in_a_core_header(self):
        self.write("controller/core/a.hpp", "#include <openssl/evp.h>\n")
        self.expect_breach("check_layers", "openssl belongs in the .cpp files of core")

    def test_layers_find_a_library_type_in_a_header_that_another_layer_sees_through_a_third(self):
        self.write("controller/http/inner.hpp", "class Inner { boost::asio::io_context* context_; };\n")
        self.write("controller/http/client.hpp", '#include "controller/http/inner.hpp"\n')
        self.write("controller/kube/remote.cpp", '#include "controller/http/client.hpp"\n')
        self.expect_breach("check_layers", "controller/http/inner.hpp:1")

    def test_layers_leave_private_headers_and_comments_alone(self):
        self.write("controller/http/inner.hpp", "#include <boost/asio.hpp>\nboost::asio::io_context* context;\n")
        self.write("controller/http/client.hpp", "// not boost::asio\n")
        self.write("controller/http/client.cpp", '#include "controller/http/inner.hpp"\n')
        self.write("controller/kube/remote.cpp", '#include "controller/http/client.hpp"\n')
        self.assertEqual(self.run_tool("check_layers"), (0, "layers: 4 files, 0 breaches\n"))

    def test_style_finds_unfinished_and_sleeping_code(self):
        self.write("mesh/a.cpp", "// TO" + "DO later\n")
        self.expect_breach("check_style", "mesh/a.cpp:1")
        self.write("mesh/a.cpp", "std::this_thread::sleep_for(1s);\n")
        self.expect_breach("check_style", "mesh/a.cpp:1")

    def test_style_finds_a_clock_below_the_composition_root(self):
        self.write("mesh/a.cpp", "auto now = std::chrono::system_clock::now();\n")
        self.expect_breach("check_style", "time is an argument")
        self.write("mesh/a.cpp", "")
        self.write("controller/app/main.cpp", "auto now = std::chrono::system_clock::now();\n")
        self.assertEqual(self.run_tool("check_style")[0], 0)

    def test_style_finds_a_test_that_cannot_fail(self):
        self.write("tests/a/a_test.cpp", "TEST(A, B) { f(); }\n")
        self.expect_breach("check_style", "a test expects something")

    def test_links_find_what_is_not_there(self):
        self.write("docs/a.md", "[b](b.md)\n")
        self.expect_breach("check_links", "docs/a.md:1: b.md is not there")
        self.write("docs/b.md", "# Two words\n")
        self.assertEqual(self.run_tool("check_links")[0], 0)
        self.write("docs/a.md", "[b](b.md#two-words) [c](b.md#three-words)\n")
        self.expect_breach("check_links", "b.md#three-words: no such heading")


class Counting(unittest.TestCase):
    def count(self, ctest: str, cases: dict[str, str], steps: int = 0, again: str = "") -> tuple[int, str]:
        with tempfile.TemporaryDirectory() as folder:
            results = pathlib.Path(folder) / "release" / "results"
            if again:
                (results / "again").mkdir(parents=True)
                (results / "again" / "ctest.xml").write_text(f"<testsuite>{again}</testsuite>")
            (results / "cases").mkdir(parents=True)
            (results / "ctest.xml").write_text(f"<testsuite>{ctest}</testsuite>")
            for name, text in cases.items():
                (results / "cases" / f"{name}.xml").write_text(f"<testsuites>{text}</testsuites>")
            ran = subprocess.run([HACK / "count-tests", "--failed-steps", str(steps), results], capture_output=True,
                                 text=True, check=False)
            return ran.returncode, ran.stdout.splitlines()[-1]

    def test_cases_count_for_programs_that_report_them(self):
        ctest = '<testcase name="a/b" status="run"/><testcase name="lint/layers" status="run"/>'
        cases = '<testcase status="run" result="completed"/>' * 3 + '<testcase status="run" result="skipped"/>'
        self.assertEqual(self.count(ctest, {"a_b_test": cases}), (0, "4 passed, 0 failed, 1 skipped"))

    def test_a_failed_case_counts_once(self):
        ctest = '<testcase name="a" status="fail"><failure/></testcase>'
        cases = '<testcase status="run" result="completed"><failure/></testcase><testcase status="run"/>'
        self.assertEqual(self.count(ctest, {"a_test": cases}), (1, "1 passed, 1 failed"))

    def test_a_crash_counts_although_no_case_failed(self):
        ctest = '<testcase name="a" status="fail"><failure/></testcase>'
        self.assertEqual(self.count(ctest, {}), (1, "0 passed, 1 failed"))

    def test_a_program_that_was_not_built_counts_as_failed(self):
        ctest = '<testcase name="a" status="notrun"><skipped message="Unable to find executable"/></testcase>'
        self.assertEqual(self.count(ctest, {}), (1, "0 passed, 1 failed"))

    def test_a_crash_counts_beside_the_failed_cases_of_another_program(self):
        ctest = '<testcase name="a" status="fail"/><testcase name="b" status="fail"/>'
        cases = '<testcase status="run"><failure/></testcase>'
        self.assertEqual(self.count(ctest, {"a_test": cases}), (1, "0 passed, 2 failed"))

    def test_a_failed_build_counts(self):
        ctest = '<testcase name="a" status="run"/>'
        self.assertEqual(self.count(ctest, {}, steps=2), (1, "1 passed, 2 failed"))

    def test_what_passes_when_run_again_has_passed(self):
        ctest = '<testcase name="a" status="fail"><failure/></testcase><testcase name="b" status="run"/>'
        self.assertEqual(self.count(ctest, {}, again='<testcase name="a" status="run"/>'), (0, "2 passed, 0 failed"))

    def test_what_fails_twice_has_failed(self):
        ctest = '<testcase name="a" status="fail"><failure/></testcase><testcase name="b" status="run"/>'
        again = '<testcase name="a" status="fail"><failure/></testcase>'
        self.assertEqual(self.count(ctest, {}, again=again), (1, "1 passed, 1 failed"))

    def test_no_test_at_all_is_a_failure(self):
        self.assertEqual(self.count("", {}), (1, "0 passed, 1 failed"))


if __name__ == "__main__":
    unittest.main()
