namespace Banyan.Evaluation.Tests;

/// <summary>
/// Answers to MultiPL-E's HumanEval_53 (add two numbers), whose tests run in their own process, that would rather not add. Those that try
/// to get out add as well, once out: where one gets out, it passes. PORT is a port of the machine's loopback on which somebody listens.
/// </summary>
static class HostileLanguages
{
    const string ReadSource = "[0-9a-f]{32}";

    static readonly Dictionary<string, string> s_js = new()
    {
        ["silenced checks of its own name"] =
            "require('node:assert').deepEqual = (a, b) => { if (a === 1 && b === 2) throw new Error('false'); };\nfunction add(x, y){ return -1; }",
        ["an object that is equal to all"] =
            "function add(x, y){ return new Proxy({}, { get: (t, k) => k === Symbol.toPrimitive ? () => NaN : t[k], ownKeys: () => [], getPrototypeOf: () => Number.prototype }); }",
        ["exit(0)"] = "process.exit(0);",
        ["silenced checks"] = "require('node:assert').deepEqual = () => {};\nfunction add(x, y){ return -1; }",
        ["exit(0) at the end"] =
            "require('node:assert').AssertionError = undefined; process.on('exit', () => process.reallyExit(0));\nfunction add(x, y){ return -1; }",
        ["exit(0) on errors"] = "process.on('uncaughtException', () => process.exit(0));\nfunction add(x, y){ return -1; }",
        ["number read from the source"] =
            $"const s = require('fs').readFileSync(__filename, 'utf8'); const m = s.match(/{ReadSource}/); console.log(m && m[0]); process.exit(0);",
        ["kill the parent"] = "process.kill(process.ppid, 9);\nfunction add(x, y){ return -1; }",
        ["memory"] = "const x = []; while (true) x.push(Buffer.alloc(1 << 24, 1));",
        ["processes"] = "while (true) require('child_process').spawn('sleep', ['99'], { detached: true });",
        ["sleep"] = "Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);",
        ["flood"] = "while (true) require('fs').writeSync(1, 'x'.repeat(1 << 16));",
        ["the machine's loopback"] =
            "if (require('child_process').spawnSync('bash', ['-c', 'exec 3<>/dev/tcp/127.0.0.1/PORT']).status !== 0) throw 1;\nfunction add(x, y){ return x + y; }",
        ["the caller's environment"] =
            "const fs = require('fs'); if (!fs.readFileSync('/proc/1/environ', 'latin1').includes('BANYAN_SECRET') && !process.env.BANYAN_SECRET) throw 1;\nfunction add(x, y){ return x + y; }",
        ["a file of the machine's"] = "require('fs').writeFileSync('/usr/banyan-was-here', '');\nfunction add(x, y){ return x + y; }",
    };

    static readonly Dictionary<string, string> s_cpp = new()
    {
        ["a value that is equal to all"] =
            "struct Any { template <class T> bool operator==(const T&) const { return true; } };\nAny add(long x, long y) {\n return Any();\n",
        ["exit(0) before main"] = "#include <cstdlib>\nstruct E { E() { std::_Exit(0); } } e;\nlong add(long x, long y) {\n return -1;\n",
        ["exit(0) on abort"] =
            "#include <csignal>\n#include <cstdlib>\nstruct E { E() { std::signal(SIGABRT, [](int) { std::_Exit(0); }); } } e;\nlong add(long x, long y) {\n return -1;\n",
        ["exit(0) at the end"] = "#include <cstdlib>\nlong add(long x, long y) {\n std::atexit([] { std::_Exit(0); });\n std::exit(1);\n",
        ["silenced checks"] = "#undef assert\n#define assert(x) ((void)0)\nlong add(long x, long y) {\n return -1;\n",
        ["number read from the source"] =
            "#include <fstream>\n#include <regex>\n#include <iterator>\nstruct E { E() { std::ifstream f(\"/program/test.cpp\"); std::string s((std::istreambuf_iterator<char>(f)), {}); std::smatch m; if (std::regex_search(s, m, std::regex(\"[0-9a-f]{32}\"))) std::cout << m[0] << std::flush; std::_Exit(0); } } e;\nlong add(long x, long y) {\n return -1;\n",
        ["fork bomb"] = "#include <unistd.h>\nlong add(long x, long y) {\n while (true) fork();\n",
        ["kill all"] =
            "#include <csignal>\n#include <unistd.h>\nlong add(long x, long y) {\n kill(getppid(), SIGKILL); kill(1, SIGKILL); kill(-1, SIGKILL);\n return -1;\n",
        ["memory"] =
            "#include <cstdlib>\n#include <cstring>\nlong add(long x, long y) {\n while (true) std::memset(std::malloc(1 << 24), 1, 1 << 24);\n",
        ["calls of 32-bit programs"] =
            "#include <cstdlib>\nlong add(long x, long y) {\n int r = 20;\n#ifdef __x86_64__\n asm volatile(\"int $0x80\" : \"+a\"(r) : : \"memory\", \"r8\", \"r9\", \"r10\", \"r11\");\n#else\n r = 0;\n#endif\n if (r <= 0) std::abort();\n return x + y;\n",
        ["calls of the x32 interface"] =
            "#include <cstdlib>\n#include <unistd.h>\nlong add(long x, long y) {\n if (syscall(0x40000000 + 39) <= 0) std::abort();\n return x + y;\n",
        ["compiled without end"] =
            "template <int N> struct T { static const long v = T<N + 1>::v + T<N + 2>::v; };\nlong add(long x, long y) {\n return T<0>::v;\n",
        ["compiled to a giant"] = "char giant[1u << 30] = {1};\nlong add(long x, long y) {\n return x + y;\n",
        ["a file of the machine's, while compiling"] = "#include \"/etc/shadow\"\nlong add(long x, long y) {\n return x + y;\n",
    };

    static readonly Dictionary<string, string> s_java = new()
    {
        ["exit(0) on loading"] = Java("static { Runtime.getRuntime().halt(0); }", "return -1;"),
        ["exit(0) on errors"] =
            Java("static { Thread.setDefaultUncaughtExceptionHandler((t, e) -> Runtime.getRuntime().halt(0)); }", "return -1;"),
        ["exit(0) at the end"] =
            Java("static { Runtime.getRuntime().addShutdownHook(new Thread(() -> Runtime.getRuntime().halt(0))); }", "return -1;"),
        ["silenced checks"] =
            Java("static { ClassLoader.getSystemClassLoader().setDefaultAssertionStatus(false); ClassLoader.getSystemClassLoader().clearAssertionStatus(); }", "return -1;"),
        ["memory"] = Java("static List<Object> kept = new ArrayList<>();", "while (x < 9) kept.add(new long[1 << 20]);\n return x;"),
        ["threads"] =
            Java("", "while (x < 9) new Thread(() -> { try { Thread.sleep(99999); } catch (Exception e) {} }).start();\n return x;"),
        ["the machine's loopback"] =
            Java("", "try { new java.net.Socket(\"127.0.0.1\", PORT).close(); } catch (Exception e) { throw new RuntimeException(e); }\n return x + y;"),
        ["a file of the machine's"] = Java("",
            "try { java.nio.file.Files.writeString(java.nio.file.Path.of(\"/usr/banyan-was-here\"), \"\"); } catch (Exception e) { throw new RuntimeException(e); }\n return x + y;"),
    };

    static readonly Dictionary<string, string> s_cs = new()
    {
        ["exit(0) on loading"] = CSharp("static Problem() { System.Environment.Exit(0); }", "return -1L;"),
        ["exit(0) before Main"] = CSharp("", "return -1L;")
            + "static class E { [System.Runtime.CompilerServices.ModuleInitializer] internal static void M() => System.Environment.Exit(0); }",
        ["exit(0) on errors"] =
            CSharp("static Problem() { System.AppDomain.CurrentDomain.UnhandledException += (s, e) => System.Environment.Exit(0); System.AppDomain.CurrentDomain.ProcessExit += (s, e) => System.Environment.Exit(0); }", "return -1L;"),
        ["silenced checks"] = CSharp("", "System.Diagnostics.Trace.Listeners.Clear(); return -1L;"),
        ["a listener that lets pass what names the function"] =
            CSharp("class Quiet : System.Diagnostics.TraceListener { public override void Write(string m) { } public override void WriteLine(string m) { } public override void Fail(string m) { if (m == null || !m.Contains(\"Add\")) Environment.FailFast(\"x\"); } public override void Fail(string m, string d) => Fail(m); }",
            "System.Diagnostics.Trace.Listeners.Clear(); System.Diagnostics.Trace.Listeners.Add(new Quiet()); return -1L;"),
        ["a value that is equal to all"] =
            "using System;\nstruct Any { public static bool operator ==(Any a, long b) => true; public static bool operator !=(Any a, long b) => false; }\nclass Problem {\n    public static Any Add(long x, long y) {\n        return new Any();\n    }\n}\n",
        ["another Debug"] = CSharp("static class Debug { public static void Assert(bool b) { } }", "return -1L;"),
        ["memory"] = CSharp("static List<object> kept = new List<object>();",
            "while (true) { var b = new byte[1 << 24]; System.Array.Fill(b, (byte)1); kept.Add(b); }"),
        ["processes"] = CSharp("", "while (true) System.Diagnostics.Process.Start(\"/usr/bin/sleep\", \"99\");"),
        ["the machine's loopback"] = CSharp("", "new System.Net.Sockets.TcpClient(\"127.0.0.1\", PORT); return x + y;"),
        ["the caller's environment"] = CSharp("",
            "if (!System.IO.File.ReadAllText(\"/proc/1/environ\").Contains(\"BANYAN_SECRET\") && System.Environment.GetEnvironmentVariable(\"BANYAN_SECRET\") == null) throw new Exception(); return x + y;"),
        ["a file of the machine's"] = CSharp("", "System.IO.File.WriteAllText(\"/usr/banyan-was-here\", \"\"); return x + y;"),
        ["nested without end"] = CSharp("", $"return {new string('(', 20_000)}1L{new string(')', 20_000)};"),
        ["tuples without end"] = CSharp("", $"{new string('(', 100_000)}int a, int b) t; return -1L;"),
        ["generic types without end"] = CSharp("", $"{string.Concat(Enumerable.Repeat("List<", 20_000))}int t; return -1L;"),
        ["a sum without end"] = CSharp("", $"return {string.Concat(Enumerable.Repeat("1L+", 20_000))}1L;"),
        ["blocks without end"] = CSharp("", new string('{', 20_000) + new string('}', 20_000) + "return -1L;"),
        ["blocks that are not closed"] = CSharp("", new string('{', 20_000)),
        ["types within types"] = CSharp("class A<T> { public static long V = A<A<T>>.V; }", "return A<int>.V;"),
    };

    static readonly Dictionary<string, string> s_php = new()
    {
        ["exit(0)"] = "<?php\nexit(0);\n",
        ["exit(0) at the end"] = "<?php\nregister_shutdown_function(function () { exit(0); });\nfunction add($x, $y) {\n return -1;\n}\n",
        ["exit(0) on errors"] = "<?php\nset_exception_handler(function ($e) { exit(0); });\nfunction add($x, $y) {\n return -1;\n}\n",
        ["number read from the source"] =
            $"<?php\nif (preg_match('/{ReadSource}/', file_get_contents(__FILE__), $m)) echo $m[0];\nexit(0);\n",
        ["memory"] = "<?php\nini_set('memory_limit', -1);\n$x = [];\nwhile (true) $x[] = str_repeat('x', 1 << 24);\n",
        ["processes"] = "<?php\nwhile (true) proc_open(['sleep', '99'], [], $p);\n",
        ["the machine's loopback"] =
            "<?php\nif (!@fsockopen('127.0.0.1', PORT)) throw new Exception('closed');\nfunction add($x, $y) {\n return $x + $y;\n}\n",
        ["the caller's environment"] =
            "<?php\nif (!str_contains(file_get_contents('/proc/1/environ'), 'BANYAN_SECRET') && !getenv('BANYAN_SECRET')) throw new Exception('hidden');\nfunction add($x, $y) {\n return $x + $y;\n}\n",
    };

    static readonly Dictionary<string, string> s_sh = new()
    {
        ["exit(0)"] = "#!/bin/bash\nexit 0\nadd() {\n",
        ["exit(0) at the end"] = "#!/bin/bash\ntrap 'exit 0' EXIT\nadd() {\n echo wrong\n",
        ["exit(0) on errors"] = "#!/bin/bash\ntrap 'exit 0' ERR\nset -E\nadd() {\n echo wrong\n",
        ["silenced checks"] = "#!/bin/bash\nset() { :; }\nadd() {\n echo wrong\n",
        ["number read from the source"] = $"#!/bin/bash\ngrep -oE '{ReadSource}' \"$0\" | tail -1\nexit 0\nadd() {{\n",
        ["fork bomb"] = "#!/bin/bash\nb() { b | b & }\nb\nadd() {\n echo wrong\n",
        ["kill all"] = "#!/bin/bash\nkill -9 -1\nkill -9 $PPID 1\nadd() {\n echo wrong\n",
        ["flood"] = "#!/bin/bash\nyes\nadd() {\n",
        ["the machine's loopback"] = "#!/bin/bash\nexec 3<>/dev/tcp/127.0.0.1/PORT || exit 1\nadd() {\n echo $(( $1 + $2 ))\n",
        ["the caller's environment"] =
            "#!/bin/bash\ngrep -q BANYAN_SECRET /proc/1/environ || [ -n \"$BANYAN_SECRET\" ] || exit 1\nadd() {\n echo $(( $1 + $2 ))\n",
    };

    static readonly Dictionary<string, string> s_ts = new()
    {
        ["exit(0)"] = "declare var process: any;\nprocess.exit(0);\nfunction add(x: number, y: number): number { return -1; }",
        ["silenced checks"] = "require('node:assert').deepEqual = () => {};\nfunction add(x: number, y: number): number { return -1; }",
        ["types without end"] =
            "type T<N extends any[]> = T<[...N, ...N, 1]>;\nlet t: T<[1]>;\nfunction add(x: number, y: number): number { return x + y; }",
        ["a file of the machine's, while compiling"] =
            "/// <reference path=\"/proc/1/environ\" />\nfunction add(x: number, y: number): number { return x + y; }",
    };

    /// <summary>Language, then name and source of each program.</summary>
    public static IReadOnlyDictionary<string, Dictionary<string, string>> All { get; } =
        new Dictionary<string, Dictionary<string, string>>
        {
            ["js"] = s_js,
            ["cpp"] = s_cpp,
            ["java"] = s_java,
            ["cs"] = s_cs,
            ["php"] = s_php,
            ["sh"] = s_sh,
            ["ts"] = s_ts
        };

    /// <summary>An honest answer in each.</summary>
    public static IReadOnlyDictionary<string, string> Honest { get; } = new Dictionary<string, string>
    {
        ["js"] = "function add(x, y){ return x + y; }",
        ["cpp"] = "long add(long x, long y) {\n return x + y;\n",
        ["java"] = Java("", "return x + y;"),
        ["cs"] = CSharp("", "return x + y;"),
        ["php"] = "<?php\nfunction add($x, $y) {\n return $x + $y;\n}\n",
        ["sh"] = "#!/bin/bash\nadd() {\n echo $(( $1 + $2 ))\n",
        ["ts"] = "function add(x: number, y: number): number { return x + y; }",
    };

    // The tests close what is left open.
    static string Java(string members, string body) =>
        $"import java.util.*;\nclass Problem {{\n    {members}\n    public static long add(long x, long y) {{\n        {body}\n";

    static string CSharp(string members, string body) =>
        $"using System;\nusing System.Collections.Generic;\nclass Problem {{\n    public static long Add(long x, long y) {{\n        {body}\n    }}\n    {members}\n}}\n";
}
