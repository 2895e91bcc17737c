"""The style checks find what they are made to find."""
import contextlib
import io
import os
import tempfile
import unittest

import check


def findings(name, path, text):
    return [finding for _, finding in check.PER_FILE[name](path, text)]


class Includes(unittest.TestCase):
    def test_a_third_party_header_outside_its_room_is_found(self):
        for header in ("sqlite3.h", "libpq-fe.h", "openssl/evp.h", "sodium.h", "grpcpp/grpcpp.h"):
            found = findings("includes", "controlplane/catalog/store.cc", f"#include <{header}>\n")
            self.assertEqual(len(found), 1, header)

    def test_a_third_party_header_in_its_room_is_fine(self):
        self.assertEqual(findings("includes", "agent/postgres/connection.cc", "#include <libpq-fe.h>\n"), [])

    def test_the_two_daemons_do_not_know_each_other(self):
        self.assertTrue(findings("includes", "agent/session/stream.cc", '#include "controlplane/domain/tenant.h"\n'))
        self.assertTrue(findings("includes", "controlplane/fleet/hub.cc", '#include "agent/tasks/task.h"\n'))

    def test_the_engine_does_not_know_the_wire(self):
        self.assertTrue(findings("includes", "controlplane/engine/decide.cc", '#include "croft/v1/tenant.pb.h"\n'))

    def test_the_engine_has_no_clock_thread_or_hash_order(self):
        for header in ("<thread>", "<unordered_map>", "<absl/container/flat_hash_map.h>", '"common/clock.h"'):
            self.assertTrue(findings("includes", "controlplane/engine/decide.cc", f"#include {header}\n"), header)

    def test_a_file_outside_all_rooms_is_found(self):
        self.assertTrue(findings("includes", "attic/old.cc", "#include <string>\n"))


class Words(unittest.TestCase):
    def test_unfinished_work_is_found(self):
        self.assertTrue(findings("words", "common/ids.cc", "// TO" "DO: later\n"))

    def test_a_raw_mutex_is_found_outside_its_wrapper(self):
        self.assertTrue(findings("words", "common/log.cc", "std::mutex m;\n"))
        self.assertEqual(findings("words", "common/sync.h", "std::mutex m;\n"), [])

    def test_a_sleeping_test_is_found(self):
        self.assertTrue(findings("words", "tests/common/x_test.cc", "absl::SleepFor(absl::Seconds(1));\n"))
        self.assertTrue(findings("words", "tests/common/x_test.cc", "absl::SleepFor(absl::Milliseconds(500));\n"))
        self.assertEqual(findings("words", "tests/common/x_test.cc", "absl::SleepFor(absl::Milliseconds(5));\n"), [])

    def test_a_test_that_may_not_run_is_found(self):
        self.assertTrue(findings("words", "tests/common/x_test.cc", '  GTEST_SKIP() << "today";\n'))
        self.assertEqual(findings("words", "tests/common/x_test.cc", '  if (geteuid() != 0) GTEST_SKIP();\n'), [])

    def test_a_status_that_is_logged_with_its_details_is_found(self):
        self.assertTrue(findings("words", "common/log.cc", "Error(x.status().ToString());\n"))
        self.assertEqual(findings("words", "common/log.cc", "Error(log::Text(x.status()));\n"), [])


class Layout(unittest.TestCase):
    def test_untidy_lines_are_found(self):
        for text in ("int a; \n", "\tint a;\n", "int a;", "int a;\n\n"):
            self.assertTrue(findings("layout", "common/a.cc", text), repr(text))

    def test_a_header_without_its_guard_is_found(self):
        self.assertTrue(findings("layout", "common/a.h", "int a;\n"))

    def test_a_very_long_file_is_found(self):
        self.assertTrue(findings("layout", "common/a.cc", "int a;\n" * (check.LONGEST_FILE + 1)))


class Links(unittest.TestCase):
    def test_a_link_to_nothing_is_found(self):
        self.assertTrue(findings("links", "README.md", "see [this](docs/no-such-page.md)\n"))
        self.assertEqual(findings("links", "README.md", "see [this](LICENSE), [that](https://example.org/)\n"), [])
        self.assertEqual(findings("links", "README.md", "# Two `words`, and\n[here](#two-words-and)\n"), [])
        self.assertTrue(findings("links", "README.md", "# Words\nsee [here](#other-words)\n"))


class Patches(unittest.TestCase):
    def test_a_patch_of_another_text_is_found(self):
        with tempfile.TemporaryDirectory() as folder:
            for old, result in (("int main(", 0), ("int of another(", 1)):
                path = os.path.join(folder, "a.patch")
                with open(path, "w", encoding="utf-8") as file:
                    file.write(patch_of("controlplane/main.cc", old))
                with contextlib.redirect_stdout(io.StringIO()) as said:
                    self.assertEqual(check.check_patches([path]), result)
                self.assertEqual("does not apply" in said.getvalue(), result == 1)


def patch_of(path, old):
    """One that changes the line of `path` that begins with `int main(`, which it believes to begin with `old`."""
    lines = check.read(path).splitlines()
    number = next(i for i, line in enumerate(lines) if line.startswith("int main("))
    found = lines[number].replace("int main(", old)
    return f"--- a/{path}\n+++ b/{path}\n@@ -{number + 1} +{number + 1} @@\n-{found}\n+{found} //\n"


if __name__ == "__main__":
    unittest.main()
