"""The AWS command line as a client, of one service each."""

import json
import os
import signal
import sys
import tempfile
import time

import rig

# Exit codes of the first generation, which the Python package is.
REFUSED, MISUSED = 255, 2


class CommandLine:
    """`aws SERVICE ...`, each command in a process of its own. They are forked from this one, which has
    imported the command line and read its models: that alone takes a second, several on a slow machine."""

    def __init__(self, service, endpoint, *options):
        from awscli.clidriver import create_clidriver

        self.service, self.options, self.called = service, options, set()
        os.environ.update(
            {
                "AWS_ENDPOINT_URL": endpoint,
                "AWS_ACCESS_KEY_ID": "any",
                "AWS_SECRET_ACCESS_KEY": "any",
                "AWS_DEFAULT_REGION": "us-east-1",
                "AWS_CONFIG_FILE": os.devnull,
                "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
                "AWS_EC2_METADATA_DISABLED": "true",
                "AWS_DEFAULT_OUTPUT": "json",
            }
        )
        self.driver = create_clidriver()
        loader = self.driver.session.get_component("data_loader")
        for kind in ("service-2", "endpoint-rule-set-1", "paginators-1", "waiters-2"):
            if kind in ("service-2", "endpoint-rule-set-1") or service in loader.list_available_services(kind):
                loader.load_service_model(service, kind)
        for name in ("endpoints", "partitions", "sdk-default-configuration", "_retry"):
            loader.load_data(name)

    def run(self, command, *arguments):
        """The exit code and what was printed as an answer and as an error."""
        self.called.add(command)
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
            child = os.fork()
            if child == 0:
                self.child(out, errors, [*self.options, self.service, command, *arguments])
            code = wait(child, command)
            for file in (out, errors):
                file.seek(0)
            return code, out.read().decode(), errors.read().decode()

    def child(self, out, errors, arguments):
        code = 255
        try:
            os.dup2(out.fileno(), 1)
            os.dup2(errors.fileno(), 2)
            sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)
            code = self.driver.main(arguments)
        except SystemExit as end:
            code = end.code
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code or 0)

    def __call__(self, command, *arguments):
        """What it answers, read; nothing where an operation answers nothing."""
        code, out, errors = self.run(command, *arguments)
        if code != 0:
            raise rig.Lost(f"aws {self.service} {command} {arguments} ended with {code}: {errors}")
        return json.loads(out) if out.strip() else None

    def refused(self, error, command, *arguments):
        code, out, errors = self.run(command, *arguments)
        if (code, out) != (REFUSED, "") or f"An error occurred ({error}) when calling the " not in errors:
            raise rig.Lost(f"aws {self.service} {command} {arguments} ended with {code}: {out}{errors}")
        return errors.split(" operation: ", 1)[-1].strip()

    def commands(self):
        """All commands of the service, but those that only wait for something."""
        services = self.driver.create_help_command().command_table
        return set(services[self.service].create_help_command().command_table) - {"wait"}


def wait(child, command):
    deadline = time.monotonic() + rig.PATIENCE
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > deadline:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            raise rig.Lost(f"aws ... {command} does not end")
        time.sleep(0.005)
