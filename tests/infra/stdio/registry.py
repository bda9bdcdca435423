# A registry of npm and an index of PyPI with a few small packages, for tests that bundle without the internet.
#
#     registry.py
#
# It prints its URL as a line, and serves until its standard input ends.
import base64
import gzip
import hashlib
import http.server
import io
import json
import os
import sys
import tarfile
import threading
import zipfile

SERVER_JS = "#!/usr/bin/env node\nconsole.log(require('./package.json').name);\n"


def tarball(files):
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as archive:
        for name, text in files.items():
            entry = tarfile.TarInfo(f"package/{name}")
            entry.size = len(text.encode())
            entry.mode = 0o755
            archive.addfile(entry, io.BytesIO(text.encode()))
    return gzip.compress(raw.getvalue(), mtime=0)


def npm(name, version="1.0.0", files=None, **manifest):
    manifest = {"name": name, "version": version, **manifest}
    return manifest, tarball({"package.json": json.dumps(manifest), **(files or {})})


NPM = [
    npm(
        "@tiny/server",
        files={"server.js": SERVER_JS},
        bin={"tiny-server": "server.js"},
        dependencies={"tiny-dependency": "^1.0.0"},
        optionalDependencies={"tiny-arm64": "1.0.0", "tiny-x64": "1.0.0"},
    ),
    npm("tiny-dependency", files={"index.js": ""}),
    npm("tiny-arm64", os=["linux"], cpu=["arm64"]),
    npm("tiny-x64", os=["linux"], cpu=["x64"]),
    npm("scripted", files={"server.js": SERVER_JS}, bin="server.js", scripts={"install": "node-gyp rebuild"}, hasInstallScript=True),
    npm("several", files={"a.js": SERVER_JS, "b.js": SERVER_JS}, bin={"first": "a.js", "second": "b.js"}),
    npm("library", files={"index.js": ""}),
]


def wheel(name, version="1.0.0", tag="py3-none-any", files=None, requires=(), scripts=None):
    module = name.replace("-", "_")
    info = f"{module}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n" + "".join(f"Requires-Dist: {it}\n" for it in requires)
    entries = {
        **(files or {}),
        f"{info}/METADATA": metadata,
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: {tag}\n",
    }
    if scripts:
        entries[f"{info}/entry_points.txt"] = "[console_scripts]\n" + "".join(f"{key} = {it}\n" for key, it in scripts.items())
    entries[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in [*entries, f"{info}/RECORD"])
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w") as archive:
        for path, text in entries.items():
            archive.writestr(zipfile.ZipInfo(path), text)
    return name, f"{module}-{version}-{tag}.whl", raw.getvalue()


MAIN = "import sys\n\nimport tiny_dependency\n\n\ndef main():\n    print(sys.argv, tiny_dependency.__name__)\n"

WHEELS = [
    wheel("tiny-server", files={"tiny_server.py": MAIN}, requires=["tiny-dependency>=1"], scripts={"tiny-server": "tiny_server:main"}),
    wheel("tiny-dependency", version="1.2.0", tag="py3-none-manylinux_2_26_aarch64", files={"tiny_dependency.py": ""}),
    wheel("tiny-dependency", version="1.2.0", tag="py3-none-manylinux_2_26_x86_64", files={"tiny_dependency.py": ""}),
    wheel("tiny-dependency", version="2.0.0", tag="py3-none-macosx_11_0_arm64", files={"tiny_dependency.py": ""}),
    wheel("only-x86", tag="py3-none-manylinux_2_17_x86_64", files={"only_x86.py": MAIN}, scripts={"only-x86": "only_x86:main"}),
    wheel("several", files={"several.py": MAIN}, scripts={"first": "several:main", "second": "several:main"}),
    wheel("library", files={"library.py": ""}),
    ("source-only", "source_only-1.0.0.tar.gz", tarball({"PKG-INFO": "Metadata-Version: 2.1\nName: source-only\nVersion: 1.0.0\n"})),
]


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        path = self.path.replace("%2f", "/").replace("%2F", "/").split("?")[0]
        body, kind = self.find(path)
        self.send_response(404 if body is None else 200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body or b"{}")))
        self.end_headers()
        self.wfile.write(body or b"{}")

    def find(self, path):
        base = f"http://{self.headers['host']}"
        if path.startswith("/npm/files/"):
            found = [data for manifest, data in NPM if f"/npm/files/{manifest['name']}" == path]
            return (found or [None])[0], "application/octet-stream"
        if path.startswith("/npm/"):
            found = [it for it in NPM if f"/npm/{it[0]['name']}" == path]
            return json.dumps(packument(base, *found[0])).encode() if found else None, "application/json"
        if path.startswith("/simple/"):
            names = [file for name, file, _ in WHEELS if f"/simple/{name}/" == path]
            links = "".join(f'<a href="/wheels/{file}">{file}</a>' for file in names)
            return links.encode() if names else None, "text/html"
        found = [data for _, file, data in WHEELS if f"/wheels/{file}" == path]
        return (found or [None])[0], "application/octet-stream"

    def log_message(self, *_):
        pass


def packument(base, manifest, data):
    integrity = "sha512-" + base64.b64encode(hashlib.sha512(data).digest()).decode()
    dist = {"tarball": f"{base}/npm/files/{manifest['name']}", "integrity": integrity}
    version = {**manifest, "dist": dist}
    return {"name": manifest["name"], "dist-tags": {"latest": manifest["version"]}, "versions": {manifest["version"]: version}}


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(f"http://127.0.0.1:{server.server_port}", flush=True)
sys.stdin.read()
os._exit(0)
