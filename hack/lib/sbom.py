"""What an image is made of, as an SPDX 2.3 document (spdx.github.io/spdx-spec/v2.3): our program, and the Debian packages
whose files are in it or were compiled into the program."""

import hashlib
import pathlib
import re
import subprocess
import time
import uuid

# Libraries that leave no file in the image: headers alone, or an archive.
COMPILED_IN = ("nlohmann-json3-dev", "libcli11-dev", "libspdlog-dev", "libboost1.74-dev")
FIELDS = "${Package}\\t${Version}\\t${Architecture}\\t${source:Package}\\t${source:Version}\\t${Homepage}\\n"


def _dpkg(*words):
    return subprocess.run(["dpkg-query", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=True).stdout


def package_of(path):
    """The Debian package that a file belongs to. Where /lib is a link to /usr/lib, dpkg may know it by either name."""
    plain = re.sub(r"^/usr", "", str(path))
    for name in (str(path), plain, "/usr" + plain):
        try:
            return _dpkg("-S", name).splitlines()[0].rsplit(": ", 1)[0]
        except subprocess.CalledProcessError:
            continue
    raise LookupError(f"no Debian package has {path}")


def _identifier(kind, name):
    return f"SPDXRef-{kind}-" + re.sub(r"[^A-Za-z0-9.-]", "-", name)


def _debian(package):
    name, version, architecture, source, source_version, homepage = _dpkg(
        "-W", f"-f={FIELDS}", package).rstrip("\n").splitlines()[0].split("\t")
    version_of_url = version.replace("+", "%2B").replace(":", "%3A").replace("~", "~")
    return {"SPDXID": _identifier("Package", name), "name": name, "versionInfo": version,
            "supplier": "Organization: Debian", "downloadLocation": "NOASSERTION", "filesAnalyzed": False,
            "licenseConcluded": "NOASSERTION", "licenseDeclared": "NOASSERTION", "copyrightText": "NOASSERTION",
            **({"homepage": homepage} if homepage.startswith("http") else {}),
            "sourceInfo": f"Debian source package {source} {source_version}; licenses: /usr/share/doc/{name}/copyright",
            "externalRefs": [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator":
                              f"pkg:deb/debian/{name.replace('+', '%2B')}@{version_of_url}?arch={architecture}"}]}


def _file(name, path):
    data = pathlib.Path(path).read_bytes()
    return {"SPDXID": _identifier("File", name), "fileName": "./" + name, "licenseConcluded": "NOASSERTION",
            "copyrightText": "NOASSERTION", "checksums": [
                {"algorithm": "SHA1", "checksumValue": hashlib.sha1(data).hexdigest()},
                {"algorithm": "SHA256", "checksumValue": hashlib.sha256(data).hexdigest()}]}


def _relation(one, kind, other):
    return {"spdxElementId": one, "relationshipType": kind, "relatedSpdxElement": other}


def document(root, owners, version, epoch):
    """`owners`: for each file of the image below `root`, the Debian package it is from; None: ours."""
    ours = {"SPDXID": "SPDXRef-Package-datamesh", "name": "datamesh", "versionInfo": version,
            "supplier": "NOASSERTION", "downloadLocation": "NOASSERTION", "filesAnalyzed": False,
            "licenseConcluded": "Apache-2.0", "licenseDeclared": "Apache-2.0", "copyrightText": "NOASSERTION",
            "primaryPackagePurpose": "CONTAINER"}
    packages, files, relations = {None: ours}, [], [_relation("SPDXRef-DOCUMENT", "DESCRIBES", ours["SPDXID"])]
    for name in sorted({package for package in owners.values() if package}):
        packages[name] = _debian(name)
        relations.append(_relation(ours["SPDXID"], "DEPENDS_ON", packages[name]["SPDXID"]))
    for name, package in sorted(owners.items()):
        files.append(_file(name, pathlib.Path(root) / name))
        relations.append(_relation(packages[package]["SPDXID"], "CONTAINS", files[-1]["SPDXID"]))
    for name in COMPILED_IN:
        if name not in packages:
            packages[name] = _debian(name)
        relations.append(_relation(ours["SPDXID"], "STATIC_LINK", packages[name]["SPDXID"]))
    # The same content has the same name.
    content = "".join(file["checksums"][1]["checksumValue"] for file in files)
    return {"spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT",
            "name": f"datamesh-{version}",
            "documentNamespace": f"https://datamesh.dev/spdx/datamesh-{version}-{uuid.uuid5(uuid.NAMESPACE_URL, content)}",
            "creationInfo": {"created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(epoch)),
                             "creators": ["Tool: datamesh-hack-image"]},
            "packages": list(packages.values()), "files": files, "relationships": relations}
