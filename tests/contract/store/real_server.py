#!/usr/bin/env python3
"""A real Kubernetes API until SIGTERM: prints the path of its kubeconfig when it is ready.

Exit 77 where there is none (hack/kubernetes-assets says on stderr how to get one).
"""

import pathlib
import signal
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "hack" / "lib"))
import cluster  # noqa: E402  pylint: disable=wrong-import-position,wrong-import-order


def end(*_):
    sys.exit(0)


def main():
    cluster.skip_without_assets()
    signal.signal(signal.SIGTERM, end)
    with tempfile.TemporaryDirectory(prefix="datamesh-store-") as folder:
        server = cluster.Cluster(folder)
        try:
            server.start()
            print("kubeconfig", server.kubeconfig, flush=True)
            signal.pause()
        finally:
            server.stop()


if __name__ == "__main__":
    main()
