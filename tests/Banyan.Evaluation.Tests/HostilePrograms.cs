namespace Banyan.Evaluation.Tests;

/// <summary>
/// Answers to HumanEval/53 (add two numbers) that would rather not add: each must fail, leave nothing behind, and change no other verdict.
/// Those that try to get out are written so that they add as well, once out: where one gets out, it passes.
/// </summary>
static class HostilePrograms
{
    const string Wrong = "\ndef add(x, y):\n    return 'wrong'\n";

    const string Right = "\ndef add(x, y):\n    return x + y\n";

    /// <summary>Name and Python source.</summary>
    /// <param name="port">A port of the machine's loopback on which somebody listens.</param>
    /// <param name="socket">The name of an abstract socket on which somebody listens.</param>
    public static IReadOnlyDictionary<string, string> Python(int port, string socket) =>
        Wrongly.Concat(Outside(port, socket).Select(p => KeyValuePair.Create(p.Key, p.Value + Right))).ToDictionary();

    static IReadOnlyDictionary<string, string> Wrongly { get; } = new Dictionary<string, string>
    {
        // Using up the machine
        ["fork bomb"] = "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass\n",
        ["thread bomb"] = "import threading, time\nwhile True:\n    threading.Thread(target=lambda: time.sleep(99)).start()\n",
        ["memory"] = "x = []\nwhile True: x.append(bytearray(1 << 24))\n",
        ["memory in children"] =
            "import os\nfor i in range(20):\n    if os.fork() == 0: break\nx = []\nwhile True: x.append(bytearray(1 << 24))\n",
        ["disk"] = "f = open('/tmp/full', 'wb')\nwhile True: f.write(b'x' * (1 << 20))\n",
        ["disk in many files"] = "i = 0\nwhile True:\n    i += 1\n    open('/tmp/%d' % i, 'wb').write(b'x' * (1 << 20))\n",
        ["shared memory"] = "f = open('/dev/shm/full', 'wb')\nwhile True: f.write(b'x' * (1 << 20))\n",
        ["endless loop"] = "while True: pass\n",
        ["endless loop that catches"] = "while True:\n    try:\n        while True: pass\n    except BaseException: pass\n",
        ["endless loop with signals blocked"] =
            "import signal\nfor s in range(1, 65):\n    try: signal.signal(s, signal.SIG_IGN)\n    except Exception: pass\nsignal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))\nwhile True: pass\n",
        ["sleep"] = "import time\ntime.sleep(10 ** 6)\n",
        ["sleep in naps"] = "import time\nwhile True: time.sleep(0.01)\n",
        ["endless recursion"] = "import sys\nsys.setrecursionlimit(10 ** 9)\ndef f(): f()\nf()\n",
        ["giant number"] = "x = 9 ** 9 ** 9\n",
        ["regular expression"] = "import re\nre.match('(a+)+$', 'a' * 60 + 'b')\n",
        ["memory in no process (memfd)"] =
            "import os\nx = []\nwhile True:\n    f = os.memfd_create('x')\n    x.append(f)\n    for i in range(63): os.write(f, bytes(1 << 20))\n",
        ["memory in no process (shared)"] =
            "import ctypes\nc = ctypes.CDLL(None)\nc.shmat.restype = ctypes.c_void_p\nfor i in range(4000):\n    s = c.shmget(0, 1 << 26, 0o1600)\n    if s < 0: raise MemoryError\n    a = c.shmat(s, None, 0)\n    ctypes.memset(a, 1, 1 << 26)\n    c.shmdt(ctypes.c_void_p(a))\n",
        ["messages that nobody reads"] =
            "import socket\nx = []\nwhile True:\n    a, b = socket.socketpair()\n    x += [a, b]\n    a.setblocking(False)\n    try:\n        while True: a.send(bytes(1 << 16))\n    except BlockingIOError: pass\n",
        ["folders without end"] = "import os\nos.chdir('/tmp')\nwhile True:\n    os.mkdir('d')\n    os.chdir('d')\n",
        ["zip of zeros"] = "import zlib\nz = zlib.compress(bytes(1 << 28))\nx = [zlib.decompress(z) for i in range(99)]\n",
        ["open files"] = "x = []\nwhile True: x.append(open('/dev/null'))\n",
        ["reading nothing for ever"] = "import os\nr, w = os.pipe()\nos.read(r, 1)\n",
        // Flooding
        ["output flood"] = "import os\nwhile True: os.write(3, b'x' * (1 << 16))\n",
        ["error flood"] =
            "import os\nwhile True:\n    for fd in range(1, 20):\n        try: os.write(fd, b'x' * (1 << 16))\n        except OSError: pass\n",
        ["result of a gigabyte"] = "def add(x, y): return ['x' * (1 << 20)] * 1024\n",
        ["result without end"] = "class E(list):\n    def __iter__(self):\n        while True: yield 1\ndef add(x, y): return E()\n",
        ["result within itself"] = "def add(x, y):\n    x = []\n    x.append(x)\n    return x\n",
        // Harming others
        ["kill all"] = "import os\nos.kill(-1, 9)\n",
        ["kill the parent"] = "import os\nos.kill(os.getppid(), 9)\nos.kill(1, 9)\n" + Wrong,
        ["kill by number"] =
            "import os\nfor p in range(1, 70000):\n    if p != os.getpid():\n        try: os.kill(p, 9)\n        except OSError: pass\n"
            + Wrong,
        ["stop the parent"] = "import os\nos.kill(os.getppid(), 19)\nos.kill(1, 19)\n" + Wrong,
        ["kill the group and the session"] = "import os\nos.killpg(0, 15)\nos.kill(0, 9)\n" + Wrong,
        ["orphans that never end"] =
            "import os, time\nfor i in range(20):\n    if os.fork() == 0:\n        while True:\n            if os.fork(): os._exit(0)\n"
            + Wrong,
        ["daemon"] =
            "import os, time\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n        while True: time.sleep(1)\n    os._exit(0)\n" + Wrong,
        ["write where others read"] =
            "import os\nfor p in ('/tmp', '/var/tmp', '/program', '/usr/lib/python3'):\n    try: open(p + '/json.py', 'w').write('evil')\n    except OSError: pass\n" + Wrong,
        // Forging the verdict
        ["exit(0)"] = "import sys\nsys.exit(0)\n",
        ["os._exit(0)"] = "import os\nos._exit(0)\n",
        ["exit when called"] = "def add(x, y):\n    import os\n    os._exit(0)\n",
        ["atexit"] = "import atexit, os\natexit.register(lambda: os._exit(0))\n" + Wrong,
        ["equal to everything"] =
            "class E(int):\n    def __eq__(self, o): return True\n    def __ne__(self, o): return False\n    def __hash__(self): return 0\ndef add(x, y): return E(7)\n",
        ["float equal to everything"] =
            "class E(float):\n    def __repr__(self): return '5'\n    def __eq__(self, o): return True\ndef add(x, y): return E(7)\n",
        ["object equal to everything"] =
            "class E:\n    def __eq__(self, o): return True\n    def __repr__(self): return '5'\ndef add(x, y): return E()\n",
        ["settrace"] =
            "import sys\ndef t(frame, event, arg):\n    if 'expected' in frame.f_locals: frame.f_locals['value'] = frame.f_locals['expected']\n    return t\nsys.settrace(t)\n" + Wrong,
        ["replace the writer"] =
            "import sys\nm = sys.modules['__main__']\nm.show = m.literal = lambda *a: '5'\nm.run.__globals__['literal'] = lambda *a: '5'\ndef add(x, y): return 7\n",
        ["forge the results"] =
            "import os\nfor fd in range(3, 10):\n    try: os.write(fd, b''.join(b'%d %d 0.000001 5\\n' % (g, i) for g in range(2) for i in range(2000)))\n    except OSError: pass\nos._exit(0)\n",
        ["replace builtins"] =
            "import builtins\nbuiltins.compile = builtins.eval = builtins.exec = lambda *a, **k: None\nbuiltins.set = builtins.type = lambda *a: 5\n" + Wrong,
        ["exit in a thread"] = "import threading, os\nthreading.Thread(target=lambda: os._exit(0)).start()\n" + Wrong,
        ["exit in a destructor"] = "import os\nclass E:\n    def __del__(self, f=os._exit): f(0)\nx = E()\nx.me = x\n" + Wrong,
        ["exit by signal"] =
            "import signal, os\nsignal.signal(signal.SIGALRM, lambda *a: os._exit(0))\nsignal.setitimer(signal.ITIMER_REAL, 0.001)\n"
            + Wrong,
        ["become another program"] = "import os\nos.execv('/bin/true', ['true'])\n",
        ["profile"] =
            "import sys\ndef p(frame, event, arg):\n    for n in ('value', 'spent', 'text'):\n        if n in frame.f_locals: frame.f_locals[n] = '5'\nsys.setprofile(p)\n" + Wrong,
        ["audit hook"] = "import sys, os\nsys.addaudithook(lambda e, a: os._exit(0) if e.startswith('compile') else None)\n" + Wrong,
        ["replace the module"] =
            "import sys, types\nm = types.ModuleType('solution')\nm.add = lambda x, y: 'wrong'\nsys.modules['solution'] = m\nsys.modules['types'] = None\n",
        ["replace the writer's file"] =
            "import sys\nr = sys.modules['__main__'].results\nr.buffer.write(b'0 0 0.000001 5\\n')\nr.flush()\nsys.modules['__main__'].results = None\n" + Wrong,
        ["results before they are asked for"] =
            "import sys\nm = sys.modules['__main__']\nf = sys._getframe()\nwhile f.f_back: f = f.f_back\nfor g, (inputs, limits) in enumerate(m.job['groups']):\n    for i, t in enumerate(inputs): m.results.write('%d %d 0.000001 0\\n' % (g, i))\nm.results.flush()\n",
        ["inputs that agree"] =
            "import sys\nm = sys.modules['__main__']\nfor inputs, limits in m.job['groups']: inputs[:] = ['(0, 0)'] * len(inputs)\ndef add(x, y): return 0\n",
        ["fewer inputs"] = "import sys\nm = sys.modules['__main__']\nfor inputs, limits in m.job['groups']: del inputs[:]\n" + Wrong,
        ["search for the answers"] =
            "import gc\nfor o in gc.get_objects():\n    if isinstance(o, dict) and 'expected' in o: add = lambda x, y: o['expected']\n",
    };

    /// <summary>Getting out: each raises an error where it does not.</summary>
    static Dictionary<string, string> Outside(int port, string socket) => new()
    {
        ["write to the host"] = "open('/etc/banyan-was-here', 'w')\n",
        ["write to the home"] = "import os\nopen('/root/banyan-was-here', 'w')\n",
        ["write to the driver"] = "open('/program/Driver.py', 'a')\n",
        ["read passwords"] = "open('/etc/shadow').read()\n",
        ["read the host's processes"] = "import os\nif len([p for p in os.listdir('/proc') if p.isdigit()]) < 20: raise SystemExit\n",
        ["read the host's environment"] =
            "import os\nif b'BANYAN_SECRET' not in open('/proc/1/environ', 'rb').read() and 'BANYAN_SECRET' not in os.environ: raise SystemExit\n",
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
        ["write to the kernel's settings"] = "open('/proc/sys/kernel/core_pattern', 'w').write('|/tmp/x')\n",
        ["restart the machine"] = "open('/proc/sysrq-trigger', 'w').write('b')\n",
        ["memory of the first process, to be written"] = "open('/proc/1/mem', 'r+b')\n",
        ["memory of the first process by its thread"] = "open('/proc/1/task/1/mem', 'r+b')\n",
        ["memory of a process beside, to be written"] =
            "import os\npid = os.fork()\nif pid == 0:\n    import time\n    time.sleep(9)\ntry:\n    open('/proc/%d/mem' % pid, 'r+b')\nfinally:\n    os.kill(pid, 9)\n",
        ["a local socket that listens"] = "import socket\ns = socket.socket(socket.AF_UNIX)\ns.bind('\\0x')\ns.listen(4096)\n",
        ["datagrams"] = "import socket\nsocket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)\n",
        ["memory of the first process"] = "open('/proc/1/mem', 'rb').read(1)\n",
        ["memory of another process"] =
            "import ctypes\nc = ctypes.CDLL(None)\nb = ctypes.create_string_buffer(64)\nif c.syscall(310, 1, b, 1, b, 1, 0) < 0: raise SystemExit\n",
        ["folder of the first process"] = "import os\nif not os.listdir('/proc/1/cwd/root'): raise SystemExit\n",
        ["out of an open folder"] =
            "import os\nfor f in range(3, 64):\n    try: os.open('../../../../etc/shadow', os.O_RDONLY, dir_fd=f)\n    except OSError: continue\n    break\nelse: raise SystemExit\n",
        ["descriptors that were left open"] =
            "import os\nfor f in os.listdir('/proc/self/fd'):\n    try: l = os.readlink('/proc/self/fd/' + f)\n    except OSError: continue\n    if not l.startswith(('pipe:', '/dev/null', '/proc/')): break\nelse: raise SystemExit\n",
        ["link to a program"] = "import os\nos.link('/usr/bin/env', '/tmp/env')\n",
        ["link to the host's folder"] = "import os\nos.symlink('/proc/1/root', '/tmp/r')\nos.listdir('/tmp/r/root/.ssh')\n",
        ["follow the mounts"] =
            "import re\nfor l in open('/proc/self/mountinfo'):\n    p = l.split()[3]\n    if 'banyan-sandbox' in p: open(p + '/../../filter.bpf').read()\nraise SystemExit\n",
        ["io_uring"] =
            "import ctypes\nb = ctypes.create_string_buffer(256)\nif ctypes.CDLL(None).syscall(425, 8, b) < 0: raise SystemExit\n",
        ["userfaultfd"] = "import ctypes\nif ctypes.CDLL(None).syscall(323, 1) < 0: raise SystemExit\n",
        ["bpf"] =
            "import ctypes\nb = ctypes.create_string_buffer(128)\nif ctypes.CDLL(None).syscall(321, 0, b, 128) < 0: raise SystemExit\n",
        ["perf events"] =
            "import ctypes, struct\nb = ctypes.create_string_buffer(struct.pack('IIQ', 1, 112, 0) + bytes(96))\nif ctypes.CDLL(None).syscall(298, b, 0, -1, -1, 0) < 0: raise SystemExit\n",
        ["keys"] = "import ctypes\nif ctypes.CDLL(None).syscall(248, b'user', b'banyan', b'x', 1, -3) < 0: raise SystemExit\n",
        ["key rings"] = "import ctypes\nif ctypes.CDLL(None).syscall(250, 0, -3, 1) < 0: raise SystemExit\n",
        ["ptrace a child"] =
            "import ctypes, os, time\np = os.fork()\nif p == 0:\n    time.sleep(1)\n    os._exit(0)\nif ctypes.CDLL(None).ptrace(16, p, 0, 0): raise SystemExit\n",
        ["be traced"] = "import ctypes\nif ctypes.CDLL(None).ptrace(0, 0, 0, 0): raise SystemExit\n",
        ["new namespaces by clone"] =
            "import ctypes\nr = ctypes.CDLL(None).syscall(56, 0x10020011, 0, 0, 0, 0)\nif r < 0: raise SystemExit\n",
        ["new namespaces by clone3"] =
            "import ctypes, struct\nb = ctypes.create_string_buffer(struct.pack('8Q', 0x10000000, 0, 0, 0, 17, 0, 0, 0))\nif ctypes.CDLL(None).syscall(435, b, 64) < 0: raise SystemExit\n",
        ["namespace of the first process"] =
            "import ctypes, os\nf = os.open('/proc/1/ns/mnt', os.O_RDONLY)\nif ctypes.CDLL(None).setns(f, 0): raise SystemExit\n",
        ["new root"] = "import os\nos.mkdir('/tmp/r')\nos.chroot('/tmp/r')\n",
        ["pivot"] = "import ctypes\nif ctypes.CDLL(None).syscall(155, b'/tmp', b'/tmp') < 0: raise SystemExit\n",
        ["mount by the new calls"] =
            "import ctypes\nif ctypes.CDLL(None).syscall(430, b'tmpfs', 0) < 0 and ctypes.CDLL(None).syscall(428, -100, b'/', 1) < 0: raise SystemExit\n",
        ["unmount"] = "import ctypes\nif ctypes.CDLL(None).umount2(b'/tmp', 2): raise SystemExit\n",
        ["write again where it is read only"] =
            "import ctypes\nif ctypes.CDLL(None).mount(None, b'/', None, 0x1020, None): raise SystemExit\n",
        ["file by its handle"] =
            "import ctypes\nb = ctypes.create_string_buffer(b'\\x08\\0\\0\\0\\x01\\0\\0\\0\\x02\\0\\0\\0\\0\\0\\0\\0', 64)\nif ctypes.CDLL(None).syscall(304, -100, b, 0) < 0: raise SystemExit\n",
        ["another personality"] = "import ctypes\nif ctypes.CDLL(None).personality(0x0040000) < 0: raise SystemExit\n",
        ["program with more rights"] =
            "import subprocess\nif subprocess.run(['su', '-c', 'true', 'root'], stdin=subprocess.DEVNULL).returncode and subprocess.run(['mount', '-t', 'tmpfs', 'x', '/tmp']).returncode: raise SystemExit\n",
        ["type into the terminal"] = "import fcntl, os, termios\nfcntl.ioctl(os.open('/dev/tty', os.O_RDWR), termios.TIOCSTI, b'x')\n",
        ["raw packets"] = "import socket\nsocket.socket(socket.AF_PACKET, socket.SOCK_RAW)\n",
        ["kernel's netlink"] = "import socket\nsocket.socket(socket.AF_NETLINK, socket.SOCK_RAW)\n",
        ["the machine's loopback"] = $"import socket\nsocket.create_connection(('127.0.0.1', {port}), 2)\n",
        ["the machine's abstract sockets"] = $"import socket\nsocket.socket(socket.AF_UNIX).connect('\\0{socket}')\n",
        ["devices"] =
            "import os\nfor d in ('/dev/mem', '/dev/kvm', '/dev/fuse', '/dev/net/tun', '/dev/sda', '/dev/vda', '/dev/loop-control'):\n    try: os.open(d, os.O_RDWR)\n    except OSError: continue\n    break\nelse: raise SystemExit\n",
    };
}
