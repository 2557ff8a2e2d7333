"""Points huggingface_hub's own tests at a Banyan hub: its address, users and tokens, before any test module is read."""

import importlib.metadata
import os
import pathlib
import re

HUB = os.environ["BANYAN_HUB"]
os.environ.update(HF_ENDPOINT=HUB, DISABLE_SYMLINKS_IN_WINDOWS_TESTS="1", HF_HUB_DISABLE_TELEMETRY="1", HF_HUB_DISABLE_PROGRESS_BARS="1")
for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HUGGINGFACE_CO_STAGING"):
    os.environ.pop(name, None)

import filelock  # noqa: E402
import pytest  # noqa: E402
from packaging.version import Version  # noqa: E402
import tests.testing_constants as known  # noqa: E402

# Debian 12's filelock is older than huggingface_hub asks for: it does not know the mode of the lock file.
if "mode" not in filelock.FileLock.__init__.__code__.co_varnames:
    _init = filelock.BaseFileLock.__init__
    filelock.BaseFileLock.__init__ = lambda self, lock_file, timeout=-1, mode=0o644, **_: _init(self, lock_file, timeout)

known.ENDPOINT_STAGING = HUB
known.TOKEN = os.environ["BANYAN_TOKEN"]
known.OTHER_TOKEN = os.environ["BANYAN_OTHER_TOKEN"]
known.ENTERPRISE_TOKEN = os.environ["BANYAN_ENTERPRISE_TOKEN"]

# Cards are validated at huggingface.co whatever HF_ENDPOINT says: here too the hub is asked.
import huggingface_hub.repocard as repocard  # noqa: E402

_session = repocard.get_session


class _Validator:
    def post(self, url, **arguments):
        return _session().post(url.replace("https://huggingface.co", HUB), **arguments)


repocard.get_session = _Validator

DENIED = {}
for line in pathlib.Path(__file__).with_name("deny.tsv").read_text().splitlines():
    if line and not line.startswith("#"):
        test, reason = line.split("\t")
        # "needs NAME VERSION" says no where there is an older one alone.
        needs = re.match(r"needs (\w+) ([\d.]+)", reason)
        if not needs or Version(importlib.metadata.version(needs[1])) < Version(needs[2]):
            DENIED[test] = reason


def pytest_collection_modifyitems(items):
    for item in items:
        name = item.nodeid.removeprefix("tests/")
        for test, reason in DENIED.items():
            if name == test or name.startswith((test + "[", test + "::")):
                item.add_marker(pytest.mark.skip(reason=f"denied: {reason}"))
