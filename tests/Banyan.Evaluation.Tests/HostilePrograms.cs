namespace Banyan.Evaluation.Tests;

/// <summary>
/// Answers to HumanEval/53 (add two numbers) that would rather not add: each must fail, leave nothing behind, and change no other verdict.
/// </summary>
static class HostilePrograms
{
    const string Wrong = "\ndef add(x, y):\n    return 'wrong'\n";

    /// <summary>Name and Python source.</summary>
    public static IReadOnlyDictionary<string, string> Python { get; } = new Dictionary<string, string>
    {
        // Using up the machine
        ["fork bomb"] = "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass\n",
        ["thread bomb"] = "import threading, time\nwhile True:\n    threading.Thread(target=lambda: time.sleep(99)).start()\n",
        ["memory"] = "x = []\nwhile True: x.append(bytearray(1 << 24))\n",
        ["memory in children"] = "import os\nfor i in range(20):\n    if os.fork() == 0: break\nx = []\nwhile True: x.append(bytearray(1 << 24))\n",
        ["disk"] = "f = open('/tmp/full', 'wb')\nwhile True: f.write(b'x' * (1 << 20))\n",
        ["disk in many files"] = "i = 0\nwhile True:\n    i += 1\n    open('/tmp/%d' % i, 'wb').write(b'x' * (1 << 20))\n",
        ["shared memory"] = "f = open('/dev/shm/full', 'wb')\nwhile True: f.write(b'x' * (1 << 20))\n",
        ["endless loop"] = "while True: pass\n",
        ["endless loop that catches"] = "while True:\n    try:\n        while True: pass\n    except BaseException: pass\n",
        ["endless loop with signals blocked"] = "import signal\nfor s in range(1, 65):\n    try: signal.signal(s, signal.SIG_IGN)\n    except Exception: pass\nsignal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))\nwhile True: pass\n",
        ["sleep"] = "import time\ntime.sleep(10 ** 6)\n",
        ["sleep in naps"] = "import time\nwhile True: time.sleep(0.01)\n",
        ["endless recursion"] = "import sys\nsys.setrecursionlimit(10 ** 9)\ndef f(): f()\nf()\n",
        ["giant number"] = "x = 9 ** 9 ** 9\n",
        ["regular expression"] = "import re\nre.match('(a+)+$', 'a' * 60 + 'b')\n",
        ["open files"] = "x = []\nwhile True: x.append(open('/dev/null'))\n",
        ["reading nothing for ever"] = "import os\nr, w = os.pipe()\nos.read(r, 1)\n",
        // Flooding
        ["output flood"] = "import os\nwhile True: os.write(3, b'x' * (1 << 16))\n",
        ["error flood"] = "import os\nwhile True:\n    for fd in range(1, 20):\n        try: os.write(fd, b'x' * (1 << 16))\n        except OSError: pass\n",
        ["result of a gigabyte"] = "def add(x, y): return ['x' * (1 << 20)] * 1024\n",
        ["result without end"] = "class E(list):\n    def __iter__(self):\n        while True: yield 1\ndef add(x, y): return E()\n",
        ["result within itself"] = "def add(x, y):\n    x = []\n    x.append(x)\n    return x\n",
        // Getting out
        ["write to the host"] = "open('/etc/banyan-was-here', 'w')\n",
        ["write to the home"] = "import os\nopen('/root/banyan-was-here', 'w')\n",
        ["write to the driver"] = "open('/program/Driver.py', 'w')\n",
        ["read passwords"] = "open('/etc/shadow').read()\n",
        ["read the host's processes"] = "import os\nif len([p for p in os.listdir('/proc') if p.isdigit()]) < 20: raise SystemExit\n",
        ["read the host's environment"] = "import os\nif b'BANYAN_SECRET' not in open('/proc/1/environ', 'rb').read() and 'BANYAN_SECRET' not in os.environ: raise SystemExit\n",
        ["symlink out"] = "import os\nos.symlink('/etc', '/tmp/out')\nopen('/tmp/out/banyan-was-here', 'w')\n",
        ["root through /proc"] = "open('/proc/1/root/etc/shadow').read()\n",
        ["descriptors of the parent"] = "import os\nos.open('/proc/%d/fd/0' % os.getppid(), os.O_RDONLY)\nopen('/proc/1/fd/9').read(1)\n",
        ["mount"] = "import ctypes\nc = ctypes.CDLL(None, use_errno=True)\nif c.mount(b'/', b'/tmp', None, 4096, None): raise SystemExit\n",
        ["new user namespace"] = "import ctypes\nif ctypes.CDLL(None).unshare(0x10000000): raise SystemExit\n",
        ["trace the parent"] = "import ctypes, os\nif ctypes.CDLL(None).ptrace(16, os.getppid(), 0, 0): raise SystemExit\n",
        ["become root"] = "import os\nos.setuid(0)\n",
        ["network"] = "import socket\nsocket.create_connection(('1.1.1.1', 80), 2)\n",
        ["network by name"] = "import urllib.request\nurllib.request.urlopen('http://example.com', timeout=2)\n",
        ["the host of the machine (vsock)"] = "import socket\nsocket.socket(40, socket.SOCK_STREAM)\n",
        ["kernel log"] = "open('/dev/kmsg').read(1)\n",
        ["disk device"] = "import os\nos.mknod('/tmp/sda', 0o60600, os.makedev(8, 0))\n",
        // Harming others
        ["kill all"] = "import os\nos.kill(-1, 9)\n",
        ["kill the parent"] = "import os\nos.kill(os.getppid(), 9)\nos.kill(1, 9)\n" + Wrong,
        ["daemon"] = "import os, time\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n        while True: time.sleep(1)\n    os._exit(0)\n" + Wrong,
        ["write where others read"] = "import os\nfor p in ('/tmp', '/var/tmp', '/program', '/usr/lib/python3'):\n    try: open(p + '/json.py', 'w').write('evil')\n    except OSError: pass\n" + Wrong,
        // Forging the verdict
        ["exit(0)"] = "import sys\nsys.exit(0)\n",
        ["os._exit(0)"] = "import os\nos._exit(0)\n",
        ["exit when called"] = "def add(x, y):\n    import os\n    os._exit(0)\n",
        ["atexit"] = "import atexit, os\natexit.register(lambda: os._exit(0))\n" + Wrong,
        ["equal to everything"] = "class E(int):\n    def __eq__(self, o): return True\n    def __ne__(self, o): return False\n    def __hash__(self): return 0\ndef add(x, y): return E(7)\n",
        ["float equal to everything"] = "class E(float):\n    def __repr__(self): return '5'\n    def __eq__(self, o): return True\ndef add(x, y): return E(7)\n",
        ["object equal to everything"] = "class E:\n    def __eq__(self, o): return True\n    def __repr__(self): return '5'\ndef add(x, y): return E()\n",
        ["settrace"] = "import sys\ndef t(frame, event, arg):\n    if 'expected' in frame.f_locals: frame.f_locals['value'] = frame.f_locals['expected']\n    return t\nsys.settrace(t)\n" + Wrong,
        ["replace the writer"] = "import sys\nm = sys.modules['__main__']\nm.show = m.literal = lambda *a: '5'\nm.run.__globals__['literal'] = lambda *a: '5'\ndef add(x, y): return 7\n",
        ["forge the results"] = "import os\nfor fd in range(3, 10):\n    try: os.write(fd, b''.join(b'%d %d 0.000001 5\\n' % (g, i) for g in range(2) for i in range(2000)))\n    except OSError: pass\nos._exit(0)\n",
        ["replace builtins"] = "import builtins\nbuiltins.compile = builtins.eval = builtins.exec = lambda *a, **k: None\nbuiltins.set = builtins.type = lambda *a: 5\n" + Wrong,
        ["search for the answers"] = "import gc\nfor o in gc.get_objects():\n    if isinstance(o, dict) and 'expected' in o: add = lambda x, y: o['expected']\n",
    };
}
