using System.Globalization;
using System.Runtime.InteropServices;

namespace Banyan.Evaluation.Sandboxes;

/// <summary>
/// Runs untrusted programs. With bubblewrap each gets its own user, process, network, mount, IPC and host-name namespaces: no network, an
/// empty home, a read-only runtime, a scratch folder in memory, no environment, a system-call filter, and the limits of
/// <see cref="SandboxLimits"/>. Works for any user; root drops its privileges first, so that what runs inside is never root outside.
/// </summary>
public sealed partial class Sandbox : IDisposable
{
    /// <summary>The id of a sandboxed program outside if the caller is root: one that owns nothing.</summary>
    const int Nobody = 65500;

    /// <summary>The folder a program may write to.</summary>
    const string Scratch = "/tmp";

    readonly string? _bubblewrap, _setpriv;
    readonly string _prlimit;
    readonly SandboxFolder _folder;
    long _runs;

    Sandbox(string? bubblewrap, string? setpriv, string prlimit, string? temporary)
    {
        (_bubblewrap, _setpriv, _prlimit) = (bubblewrap, setpriv, prlimit);
        _folder = SandboxFolder.Create(setpriv is null ? null : Nobody, temporary);
        if (bubblewrap is null)
            return;
        File.WriteAllBytes(FilterFile, SeccompFilter.Build());
        _ = ProcessControl(SetChildSubreaper, 1, 0, 0, 0); // what bubblewrap leaves comes to this process, to be buried at once
    }

    string FilterFile => Path.Combine(_folder.Path, "filter.bpf");

    /// <summary>The folder of its own files.</summary>
    internal string Folder => _folder.Path;

    /// <summary>Whether programs are contained; false only for <see cref="WithoutContainment"/>.</summary>
    public bool Contained => _bubblewrap is not null;

    /// <summary>
    /// The sandbox of this machine. Throws <see cref="SandboxException"/> if there is none: it never falls back to running a program
    /// uncontained.
    /// </summary>
    public static Task<Sandbox> OpenAsync(CancellationToken cancellationToken = default) => OpenAsync(null, cancellationToken);

    /// <summary>The same, with its files in a folder other than <c>TMPDIR</c>.</summary>
    internal static async Task<Sandbox> OpenAsync(string? temporary, CancellationToken cancellationToken)
    {
        if (!OperatingSystem.IsLinux())
            throw new SandboxException("the sandbox needs Linux (bubblewrap): run the evaluation there, or in a virtual machine");
        var sandbox = new Sandbox(Find("bwrap", "bubblewrap"), Environment.IsPrivilegedProcess ? Find("setpriv", "util-linux") : null,
            Find("prlimit", "util-linux"), temporary);
        try
        {
            var probe = await sandbox.RunAsync(new() { Command = ["/usr/bin/true"] }, cancellationToken);
            if (probe is { End: SandboxEnd.Exited, ExitCode: 0 })
                return sandbox;
            throw new SandboxException(
                $"bubblewrap cannot make a sandbox here: /usr/bin/true ended with {probe.End}, exit code {probe.ExitCode}. {probe.Error.Trim()}");
        }
        catch
        {
            sandbox.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Runs programs with this user's rights, with limits but uncontained: they can read, change and send anything the user can.
    /// </summary>
    public static Sandbox WithoutContainment() => new(null, null, Find("prlimit", "util-linux"), null);

    /// <summary>The error message for a sandbox that could not be created, from its tools' output.</summary>
    internal static SandboxException NotMade(string error) =>
        new($"bubblewrap cannot make a sandbox here: {error.Trim()} ({WhatToDo(error)})");

    static string WhatToDo(string error) =>
        error.Contains("Can't find source path", StringComparison.Ordinal)
        ? "the folder that is named, or one above it, is closed to this user: open it, or name another in the variable TMPDIR"
        : error.StartsWith("setpriv", StringComparison.Ordinal)
        ? $"root runs programs as the id {Nobody}, which this container does not have: run as another user"
        : "allow user namespaces, e.g. sysctl kernel.unprivileged_userns_clone=1 or kernel.apparmor_restrict_unprivileged_userns=0";

    /// <summary>
    /// Runs a program until it ends, hits a limit or is cancelled, and leaves no process behind. Throws <see cref="SandboxException"/> if
    /// the sandbox could not be created: then the program has not run, and there is no verdict.
    /// </summary>
    public async Task<SandboxResult> RunAsync(SandboxProgram program, CancellationToken cancellationToken)
    {
        var name = Interlocked.Increment(ref _runs).ToString(CultureInfo.InvariantCulture);
        try
        {
            var work = await _folder.AddAsync(name, program.Files, cancellationToken);
            var statusFile = Path.Combine(_folder.Path, name, "status.json");
            var command = Contained ? ContainedCommand(program, work, statusFile) : OpenCommand(program, work);
            return await new SandboxRun(program, command, Contained ? statusFile : null,
                Contained ? null : work).RunAsync(cancellationToken);
        }
        finally
        {
            _folder.Remove(name);
        }
    }

    List<string> OpenCommand(SandboxProgram program, string work)
    {
        var scratch = Directory.CreateDirectory(Path.Combine(work, "..", "scratch")).FullName;
        List<string> command = ["/usr/bin/setsid", "-w", "/usr/bin/env", "-i",
            .. Variables(program, scratch).Select(v => $"{v.Key}={v.Value}")];
        AddLimits(command, program.Limits);
        command.AddRange(program.Command.Select(word => word.Replace(SandboxProgram.Folder + "/", work + "/", StringComparison.Ordinal)));
        return command;
    }

    List<string> ContainedCommand(SandboxProgram program, string work, string statusFile)
    {
        // A shell opens the files that bubblewrap wants as descriptors (before root's rights are gone), then becomes the next program.
        List<string> command = ["/bin/sh", "-c", "f=$1 s=$2; shift 2; exec \"$@\" 8>\"$s\" 9<\"$f\"", "sandbox", FilterFile, statusFile];
        if (_setpriv is not null)
            command.AddRange([_setpriv, "--reuid", $"{Nobody}", "--regid", $"{Nobody}", "--clear-groups", "--no-new-privs"]);
        command.AddRange([
            _bubblewrap!, "--unshare-all", "--unshare-user", "--disable-userns", "--die-with-parent", "--new-session", "--cap-drop", "ALL",
            "--hostname", "sandbox", "--json-status-fd", "8", "--seccomp", "9", "--clearenv"]);
        foreach (var (name, value) in Variables(program, Scratch))
            command.AddRange(["--setenv", name, value]);

        command.AddRange(["--ro-bind", "/usr", "/usr"]);
        foreach (var top in (string[])["/bin", "/sbin", "/lib", "/lib32", "/lib64"])
            if (new DirectoryInfo(top) is { Exists: true } folder)
                command.AddRange(folder.LinkTarget is { } target ? ["--symlink", target, top] : ["--ro-bind", top, top]);
        foreach (var setting in (string[])["/etc/alternatives", "/etc/ld.so.cache", "/etc/java-17-openjdk",
            "/etc/java-21-openjdk", "/etc/php"])
            command.AddRange(["--ro-bind-try", setting, setting]);
        var scratch = program.Limits.ScratchBytes.ToString(CultureInfo.InvariantCulture);
        command.AddRange([
            // The first process inside is bubblewrap's own, without the filter: nothing of it is to be seen, let alone written to.
            "--proc", "/proc", "--size", "4096", "--tmpfs", "/proc/1", "--remount-ro", "/proc/1", "--remount-ro", "/proc", "--dev",
            "/dev", "--remount-ro", "/dev",
            "--size", "1048576", "--tmpfs", "/dev/shm", "--size", "1048576", "--tmpfs", "/home", "--size", scratch, "--tmpfs", "/tmp",
            "--ro-bind", work, SandboxProgram.Folder]);
        // A runtime may lie in a home; what it needs is laid over the empty one.
        foreach (var path in program.Readable)
            command.AddRange(["--ro-bind", _folder.Readable(path), path]);
        command.AddRange(["--remount-ro", "/", "--chdir", Scratch, "--"]);
        AddLimits(command, program.Limits);
        command.AddRange(program.Command);
        return command;
    }

    void AddLimits(List<string> command, SandboxLimits limits)
    {
        command.Add(_prlimit);
        void Limit(string name, long value) => command.Add(string.Create(CultureInfo.InvariantCulture, $"--{name}={value}"));
        Limit("cpu", (long)Math.Ceiling(limits.CpuSeconds) + 1); // each process; the sum is watched from outside
        if (limits.AddressSpaceBytes is { } bytes)
            Limit("as", bytes);
        Limit("fsize", limits.ScratchBytes);
        Limit("nofile", limits.OpenFiles);
        Limit("nproc", limits.Processes);
        Limit("core", 0);
        Limit("memlock", 0);
        Limit("msgqueue", 0);
    }

    static Dictionary<string, string> Variables(SandboxProgram program, string scratch) => new(program.Environment)
    {
        ["PATH"] = "/usr/local/bin:/usr/bin:/bin",
        ["HOME"] = "/home",
        ["LANG"] = "C.UTF-8",
        ["TMPDIR"] = scratch,
    };

    static string Find(string tool, string package) =>
        new[] { "/usr/bin", "/bin", "/usr/sbin", "/sbin", "/usr/local/bin" }.Select(f => Path.Combine(f, tool)).FirstOrDefault(File.Exists)
        ?? throw new SandboxException(
            $"the sandbox needs {tool}, which is not installed: install the package {package} (Debian, Ubuntu: apt install {package})");

    const int SetChildSubreaper = 36;

    [LibraryImport("libc", EntryPoint = "prctl")]
    private static partial int ProcessControl(int option, nuint a, nuint b, nuint c, nuint d);

    /// <summary>Removes the sandbox's own temporary files.</summary>
    public void Dispose() => _folder.Dispose();
}
