using System.Runtime.InteropServices;

namespace Banyan.Runtime.Kernels.Assembled;

/// <summary>
/// Puts machine code into memory of this process: pages are reserved writable, written, then made executable and no longer writable; never
/// both at once. They live as long as the process. Only for 64-bit x86, as nothing is assembled for other processors.
/// <para>
/// macOS: under the hardened runtime pages become executable only where they were reserved with MAP_JIT and the program is signed with
/// com.apple.security.cs.allow-jit, as <c>dotnet</c> is; without it mprotect fails, and that is a refusal. (On Apple silicon MAP_JIT pages
/// are writable or executable by thread, pthread_jit_write_protect_np, and mprotect is not for them: another reason to place nothing
/// there.) Windows: a process whose policy forbids dynamic code is refused by VirtualProtect. Linux: SELinux's execmem and systemd's
/// MemoryDenyWriteExecute refuse mprotect.
/// </para>
/// </summary>
internal static unsafe partial class ExecutableMemory
{
    /// <summary>If set to anything but 0, executable memory counts as refused: for tests and for users who want none.</summary>
    public const string Refused = "BANYAN_NO_EXECUTABLE_MEMORY";

    const int Read = 1, Write = 2, Execute = 4, Private = 2;
    const int LinuxAnonymous = 0x20, MacAnonymous = 0x1000, MacJit = 0x800;
    const uint Commit = 0x1000, Reserve = 0x2000, Release = 0x8000, PageReadWrite = 0x04, PageExecuteRead = 0x20;

    /// <summary>The code's address; null if the system refuses (SELinux execmem, a hardened runtime) or the environment does.</summary>
    public static void* TryPlace(ReadOnlySpan<byte> code)
    {
        if (Environment.GetEnvironmentVariable(Refused) is { Length: > 0 } value && value != "0")
            return null;
        if (RuntimeInformation.ProcessArchitecture != Architecture.X64)
            return null;
        try
        {
            return OperatingSystem.IsWindows() ? PlaceOnWindows(code) : PlaceOnUnix(code);
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException)
        {
            return null;
        }
    }

    /// <summary>The code's address, where an earlier kernel has been placed: the rung was chosen because of it.</summary>
    /// <exception cref="InvalidOperationException">The system refuses now.</exception>
    public static nint Place(ReadOnlySpan<byte> code) => (nint)TryPlace(code) is var place and not 0 ? place
        : throw new InvalidOperationException(
            "The system gave executable memory when it was asked first, and refuses it now. Set BANYAN_KERNELS=avx2 to do without.");

    static void* PlaceOnUnix(ReadOnlySpan<byte> code)
    {
        var flags = Private | (OperatingSystem.IsMacOS() ? MacAnonymous | MacJit : LinuxAnonymous);
        var memory = Map(0, (nuint)code.Length, Read | Write, flags, -1, 0);
        if (memory == -1)
            return null;
        code.CopyTo(new Span<byte>((void*)memory, code.Length));
        if (Protect(memory, (nuint)code.Length, Read | Execute) == 0)
            return (void*)memory;
        _ = Unmap(memory, (nuint)code.Length);
        return null;
    }

    static void* PlaceOnWindows(ReadOnlySpan<byte> code)
    {
        var memory = VirtualAlloc(0, (nuint)code.Length, Commit | Reserve, PageReadWrite);
        if (memory == 0)
            return null;
        code.CopyTo(new Span<byte>((void*)memory, code.Length));
        if (VirtualProtect(memory, (nuint)code.Length, PageExecuteRead, out _) != 0)
        {
            _ = FlushInstructionCache(GetCurrentProcess(), memory, (nuint)code.Length);
            return (void*)memory;
        }
        _ = VirtualFree(memory, 0, Release);
        return null;
    }

    [LibraryImport("libc", EntryPoint = "mmap")]
    private static partial nint Map(nint address, nuint length, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "mprotect")]
    private static partial int Protect(nint address, nuint length, int protection);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int Unmap(nint address, nuint length);

    [LibraryImport("kernel32")]
    private static partial nint VirtualAlloc(nint address, nuint length, uint type, uint protection);

    [LibraryImport("kernel32")]
    private static partial int VirtualProtect(nint address, nuint length, uint protection, out uint before);

    [LibraryImport("kernel32")]
    private static partial int VirtualFree(nint address, nuint length, uint type);

    [LibraryImport("kernel32")]
    private static partial int FlushInstructionCache(nint process, nint address, nuint length);

    [LibraryImport("kernel32")]
    private static partial nint GetCurrentProcess();
}
