"""The image that hack/image makes: whole, small, the same each time, and the program in it runs as it will run."""

import hashlib
import json
import os
import pathlib
import shutil
import stat
import subprocess
import sys
import tarfile
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "hack" / "lib"))
from processes import BINARY, call, find_tool  # noqa: E402

EPOCH = 1700000000
USER = 65532
# In a tree that is mounted read-only. Where nothing may be mounted (a container without that right), it is its owner alone
# who could write to it, and that is root.
MOUNTED = """
mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" && cd "$1" || exit
exec chroot --userspec=65532:65532 . "${@:2}"
"""
PLAIN = 'exec chroot --userspec=65532:65532 "$1" "${@:2}"'


def as_root(*words):
    return [*words] if os.geteuid() == 0 else ["sudo", "-n", *words]


def may_mount():
    """In a namespace of its own, with a process tree of its own."""
    return call(*as_root("unshare", "--mount", "--pid", "--fork", "true")).ok


def make_image(folder, binary=BINARY):
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(EPOCH)}
    return call(ROOT / "hack" / "image", "--output", folder, "--binary", binary, env=environment, seconds=300)


def inside(root, *words, stdin=None):
    """What the program says in the image's root filesystem, as its user, with nothing to write to."""
    how = ["unshare", "--mount", "bash", "-c", MOUNTED] if may_mount() else ["bash", "-c", PLAIN]
    command = [*how, "bash", root, "/usr/bin/datamesh", *words]
    return call(*as_root(*command), stdin=stdin, env={"PATH": os.environ["PATH"]})


class Image(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="datamesh-image-"))
        cls.folder.chmod(0o755)
        cls.addClassCleanup(shutil.rmtree, cls.folder, True)
        made = make_image(cls.folder)
        if not made.ok:
            raise AssertionError(made)
        cls.root = cls.folder / "rootfs"
        with tarfile.open(cls.folder / "datamesh.tar") as archive:
            cls.blobs = {member.name: archive.extractfile(member).read() for member in archive.getmembers()}
        cls.version = json.loads(call(BINARY, "version", "-o", "json").out)["version"]

    def blob(self, descriptor):
        data = self.blobs["blobs/" + descriptor["digest"].replace(":", "/")]
        self.assertEqual(len(data), descriptor["size"])
        self.assertEqual("sha256:" + hashlib.sha256(data).hexdigest(), descriptor["digest"])
        return data

    def manifest(self):
        index = json.loads(self.blobs["index.json"])
        self.assertEqual(len(index["manifests"]), 1)
        return json.loads(self.blob(index["manifests"][0]))

    def test_every_blob_is_what_its_digest_says_and_is_pointed_to(self):
        self.assertEqual(json.loads(self.blobs["oci-layout"]), {"imageLayoutVersion": "1.0.0"})
        manifest = self.manifest()
        config = json.loads(self.blob(manifest["config"]))
        layer = self.blob(manifest["layers"][0])
        self.assertEqual(len(self.blobs), 2 + 3)
        plain = subprocess.run(["gzip", "-dc"], input=layer, stdout=subprocess.PIPE, check=True).stdout
        self.assertEqual(config["rootfs"], {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(plain).hexdigest()]})
        self.assertEqual(config["config"]["User"], f"{USER}:{USER}")
        self.assertEqual(config["config"]["Entrypoint"], ["/usr/bin/datamesh"])

    def test_another_program_can_read_it(self):
        skopeo = find_tool("skopeo")
        self.assertTrue(skopeo, "there is no skopeo: run hack/install-deps")
        archive = f"oci-archive:{self.folder / 'datamesh.tar'}:datamesh:{self.version}"
        said = call(skopeo, "inspect", archive)
        self.assertTrue(said.ok, said)
        self.assertEqual(json.loads(said.out)["Os"], "linux")
        copied = call(skopeo, "copy", "--insecure-policy", archive, f"docker-archive:{self.folder / 'docker.tar'}:datamesh:x")
        self.assertTrue(copied.ok, copied)

    def test_it_is_the_same_each_time(self):
        with tempfile.TemporaryDirectory() as folder:
            again = make_image(pathlib.Path(folder) / "elsewhere")
            self.assertTrue(again.ok, again)
            for name in ("datamesh.tar", "datamesh.spdx.json"):
                one, other = (self.folder / name).read_bytes(), (pathlib.Path(folder) / "elsewhere" / name).read_bytes()
                self.assertEqual(hashlib.sha256(one).hexdigest(), hashlib.sha256(other).hexdigest(), name)

    def test_nothing_is_in_it_that_the_program_does_not_need(self):
        names = {path.relative_to(self.root).as_posix() for path in self.root.rglob("*") if not path.is_dir() or path.is_symlink()}
        libraries = {name for name in names if ".so" in pathlib.Path(name).name}
        self.assertEqual(names - libraries, {
            "usr/bin/datamesh", "etc/passwd", "etc/group", "etc/nsswitch.conf", "etc/ssl/certs/ca-certificates.crt",
            "lib", "lib64", "usr/lib/ssl/certs", "usr/lib/ssl/cert.pem"})
        needed = {line.split()[0].rsplit("/", 1)[-1] for line in call("ldd", BINARY).out.splitlines()} - {"linux-vdso.so.1"}
        self.assertEqual({pathlib.Path(name).name for name in libraries}, needed)

    def test_nothing_may_be_written_or_run_with_more_rights(self):
        for path in self.root.rglob("*"):
            mode = path.lstat().st_mode
            if not path.is_symlink():
                self.assertFalse(mode & (stat.S_IWGRP | stat.S_IWOTH | stat.S_ISUID | stat.S_ISGID), path)

    def test_the_program_runs_in_it(self):
        said = inside(self.root, "version")
        self.assertEqual((said.code, said.out), (0, f"datamesh {self.version}"), said)
        said = inside(self.root, "controller", "--help")
        self.assertEqual(said.code, 0, said)
        self.assertIn("--leader-elect", said.out)
        text = "\n---\n".join(path.read_text() for path in sorted((ROOT / "examples" / "retail").glob("*.yaml")))
        said = inside(self.root, "lint", "-f", "-", stdin=text)
        self.assertEqual(said.code, 0, said)
        self.assertIn("0 problems", said.out)
        said = inside(self.root, "lint", "-f", "-", stdin=text.replace("engine: postgresql", "engine: abacus"))
        self.assertEqual(said.code, 1, said)

    def test_it_finds_the_certificates_of_public_authorities(self):
        bundle = (self.root / "etc/ssl/certs/ca-certificates.crt").read_text()
        self.assertGreater(bundle.count("BEGIN CERTIFICATE"), 50)
        for link in ("usr/lib/ssl/cert.pem", "usr/lib/ssl/certs"):
            self.assertTrue((self.root / os.readlink(self.root / link).lstrip("/")).exists(), link)

    def test_the_bill_of_materials_names_every_file_once_and_where_it_is_from(self):
        bill = json.loads((self.folder / "datamesh.spdx.json").read_text())
        self.assertEqual((bill["spdxVersion"], bill["dataLicense"]), ("SPDX-2.3", "CC0-1.0"))
        files = {file["fileName"].removeprefix("./"): file for file in bill["files"]}
        there = {path.relative_to(self.root).as_posix() for path in self.root.rglob("*") if path.is_file() and not path.is_symlink()
                 and "lib" not in path.relative_to(self.root).parts[:1] and "lib64" not in path.relative_to(self.root).parts[:1]}
        self.assertEqual(set(files), there)
        for name, file in files.items():
            digest = next(item["checksumValue"] for item in file["checksums"] if item["algorithm"] == "SHA256")
            self.assertEqual(hashlib.sha256((self.root / name).read_bytes()).hexdigest(), digest)
        known = {item["SPDXID"] for item in bill["packages"] + bill["files"]} | {bill["SPDXID"]}
        self.assertEqual(len(known), len(bill["packages"]) + len(bill["files"]) + 1)
        contained = [item["relatedSpdxElement"] for item in bill["relationships"] if item["relationshipType"] == "CONTAINS"]
        self.assertEqual(sorted(contained), sorted(file["SPDXID"] for file in bill["files"]))
        for item in bill["relationships"]:
            self.assertTrue({item["spdxElementId"], item["relatedSpdxElement"]} <= known, item)
        versions = {item["name"]: item["versionInfo"] for item in bill["packages"]}
        for name in ("libpq5", "libssl3", "libc6", "nlohmann-json3-dev"):
            self.assertEqual(versions[name], call("dpkg-query", "-W", "-f=${Version}\n", name).out.splitlines()[0])

    def test_a_binary_that_is_not_there_is_said_so(self):
        with tempfile.TemporaryDirectory() as folder:
            made = make_image(folder, pathlib.Path(folder) / "none")
            self.assertEqual(made.code, 1)
            self.assertIn("run make", made.err)


class Plugin(unittest.TestCase):
    def test_what_is_installed_is_a_plugin_of_kubectl(self):
        with tempfile.TemporaryDirectory() as folder:
            done = call("cmake", "--install", BINARY.parent.parent, "--prefix", folder)
            self.assertTrue(done.ok, done)
            environment = {**os.environ, "PATH": f"{folder}/bin{os.pathsep}{os.environ['PATH']}"}
            said = call(find_tool("kubectl"), "datamesh", "version", env=environment)
            self.assertEqual(said.out, call(BINARY, "version").out, said)
            self.assertTrue(said.ok, said)


if __name__ == "__main__":
    unittest.main()
