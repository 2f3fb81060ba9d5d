"""An OCI image layout (github.com/opencontainers/image-spec, image-layout.md) of one image, as a tar archive.

The same tree and the same time give the same bytes.
"""

import gzip
import hashlib
import io
import json
import pathlib
import tarfile
import time

MEDIA = "application/vnd.oci.image"


def _entry(info, epoch):
    """Of nobody in particular, at no particular time; writable for its owner alone."""
    info.uid = info.gid = 0
    info.uname = info.gname = ""
    info.mtime = epoch
    return info


def tar_of_tree(root, epoch):
    """The tree below `root` as an uncompressed tar archive, sorted by name."""
    root = pathlib.Path(root)
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path in sorted(root.rglob("*"), key=lambda path: path.relative_to(root).as_posix()):
            info = _entry(archive.gettarinfo(path, path.relative_to(root).as_posix()), epoch)
            if info.islnk():
                raise ValueError(f"{path} is a hard link")
            if info.isreg():
                with path.open("rb") as file:
                    archive.addfile(info, file)
            else:
                archive.addfile(info)
    return written.getvalue()


def digest_of(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


class Layout:
    """Blobs by digest, and what points to them."""

    def __init__(self):
        self.files = {"oci-layout": json.dumps({"imageLayoutVersion": "1.0.0"}).encode()}

    def add(self, data, media_type):
        """A blob. Its descriptor."""
        digest = digest_of(data)
        self.files["blobs/sha256/" + digest.removeprefix("sha256:")] = data
        return {"mediaType": media_type, "digest": digest, "size": len(data)}

    def add_json(self, value, media_type):
        return self.add(json.dumps(value, sort_keys=True, separators=(",", ":")).encode(), media_type)

    def write(self, path, epoch):
        with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as archive:
            for name, data in sorted(self.files.items()):
                info = _entry(tarfile.TarInfo(name), epoch)
                info.size, info.mode = len(data), 0o644
                archive.addfile(info, io.BytesIO(data))


def write_image(path, root, epoch, name, architecture, config, annotations):
    """An image of one layer, the tree below `root`. `name`: with its tag. The digest of the manifest."""
    layer = tar_of_tree(root, epoch)
    created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(epoch))
    layout = Layout()
    layers = [layout.add(gzip.compress(layer, compresslevel=9, mtime=0), f"{MEDIA}.layer.v1.tar+gzip")]
    described = layout.add_json(
        {"architecture": architecture, "os": "linux", "created": created, "config": config,
         "rootfs": {"type": "layers", "diff_ids": [digest_of(layer)]},
         "history": [{"created": created, "created_by": "hack/image"}]}, f"{MEDIA}.config.v1+json")
    manifest = layout.add_json(
        {"schemaVersion": 2, "mediaType": f"{MEDIA}.manifest.v1+json", "config": described, "layers": layers,
         "annotations": {**annotations, "org.opencontainers.image.created": created}}, f"{MEDIA}.manifest.v1+json")
    manifest["platform"] = {"architecture": architecture, "os": "linux"}
    manifest["annotations"] = {"org.opencontainers.image.ref.name": name}
    layout.files["index.json"] = json.dumps({"schemaVersion": 2, "mediaType": f"{MEDIA}.index.v1+json",
                                             "manifests": [manifest]}, sort_keys=True).encode()
    layout.write(path, epoch)
    return manifest["digest"]
