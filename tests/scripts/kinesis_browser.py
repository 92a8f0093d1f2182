#!/usr/bin/env python3
"""A page in a real browser, served from an origin of its own, reads and writes a daemon's streams with the SDK
for JavaScript and with plain `fetch`. Needs chromium, node, and the packages of tests/clients/javascript in --modules.
"""

import http.server
import json
import os
import queue
import shutil
import signal
import subprocess
import threading
import urllib.parse

import javascript
import rig

PAGE = javascript.PROGRAMS / "page.js"
BROWSERS = ("chromium", "chromium-headless-shell", "chromium-browser", "google-chrome")
HTML = b'<!doctype html><meta charset="utf-8"><title>Streams</title><script src="/page.js"></script>'


def bundle(modules, work):
    """The page's script with the SDK in it, as a browser can load it."""
    script = work / "page.js"
    command = [modules / "node_modules" / ".bin" / "esbuild", PAGE, "--bundle", "--format=iife", f"--outfile={script}"]
    environment = os.environ | {"NODE_PATH": str(modules / "node_modules")}
    made = subprocess.run(
        [*command, "--log-level=error"], env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=60,
    )
    if made.returncode:
        raise rig.Lost(f"the page cannot be made\n{made.stdout}{made.stderr}")
    return script.read_bytes()


def serve(script):
    """Serves the page on a port of its own; gives its address and what the page tells at its end."""
    outcomes = queue.Queue()

    class Handler(http.server.BaseHTTPRequestHandler):
        def answer(self, kind, body):
            self.send_response(200)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self):
            if self.path == "/page.js":
                self.answer("text/javascript", script)
            else:
                self.answer("text/html", HTML)

        def do_POST(self):
            outcomes.put(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.answer("text/plain", b"")

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}/", outcomes


def browse(address, outcomes, work, patience):
    """Opens the page; gives what it tells."""
    browser = next((name for name in BROWSERS if shutil.which(name)), None)
    if not browser:
        raise rig.Skip(f"not installed: {BROWSERS[0]}")
    # A browser that root starts has no sandbox, and containers have little shared memory.
    command = [
        browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--no-proxy-server",
        f"--user-data-dir={work / 'profile'}", address,
    ]
    # Whatever it keeps goes with the work folder.
    environment = os.environ | {"HOME": str(work), "XDG_CACHE_HOME": str(work), "XDG_CONFIG_HOME": str(work)}
    log = work / "browser.log"
    with open(log, "wb") as told:
        process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=told, stderr=told, start_new_session=True
        )
    try:
        return outcomes.get(timeout=patience)
    except queue.Empty:
        raise rig.Lost(f"the page tells nothing within {patience} s\n{log.read_text(errors='replace')}") from None
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def main():
    parser = rig.arguments(__doc__)
    options = javascript.options(parser, patience=90)
    binary, work = rig.check_binary(options.caudal), rig.work_folder(options, "browser")
    daemon = rig.Daemon(binary, work, work / "data", rig.AWS_TOPOLOGY)
    address, outcomes = serve(bundle(options.modules, work))
    endpoint = urllib.parse.quote(rig.aws_endpoint(daemon), safe="")
    outcome = browse(f"{address}?endpoint={endpoint}", outcomes, work, options.patience)
    if "told" not in outcome:
        raise rig.Lost(outcome.get("error"))
    print(outcome["told"], flush=True)
    daemon.stop()


if __name__ == "__main__":
    rig.run(main)
