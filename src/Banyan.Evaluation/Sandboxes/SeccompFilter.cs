using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Banyan.Evaluation.Sandboxes;

/// <summary>
/// The system-call filter of the sandbox, as a classic BPF program (<c>struct sock_filter[]</c>) that bubblewrap passes to the kernel. The
/// namespaces already hide files, network and processes; the filter removes the calls that bypass them or through which kernels have been
/// exploited: other processes' memory, new namespaces and mounts, keys, BPF, io_uring, and every socket but a connected pair of local
/// streams, which event loops need (vsock reaches the host of a virtual machine from any network namespace; data queued for a listener, or
/// in datagrams, is memory that belongs to no process, while a pair's is bounded and its sockets are counted, see
/// <see cref="SocketMemory"/>). Memory that no process has mapped is refused too (memfd, System V's shared memory and queues): it would be
/// counted nowhere. A refused call fails with EPERM, <c>clone3</c> with ENOSYS so that the C library falls back to <c>clone</c>, whose
/// flags can be read.
/// </summary>
static class SeccompFilter
{
    const uint Allow = 0x7fff0000, KillProcess = 0x80000000, Eperm = 0x00050000 | 1, Enosys = 0x00050000 | 38;
    const ushort Load = 0x20, JumpEqual = 0x15, JumpGreaterEqual = 0x35, JumpSet = 0x45, And = 0x54, Return = 0x06;
    const uint NumberOffset = 0, ArchitectureOffset = 4, FirstArgumentOffset = 16, SecondArgumentOffset = 24;

    /// <summary>CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET, NEWTIME.</summary>
    const uint NewNamespaces = 0x00020000 | 0x02000000 | 0x04000000 | 0x08000000 | 0x10000000 | 0x20000000 | 0x40000000 | 0x00000080;

    /// <summary>AF_UNIX, and socket types without their flags: only streams.</summary>
    const uint Local = 1, TypeMask = 0xF, Stream = 1;

    sealed record Numbers(uint Architecture, uint CloneCall, uint Clone3Call, uint SocketCall, uint SocketPairCall,
        uint? ForeignAbi, uint[] Refused);

    // From the kernel's syscall tables. In order: ptrace, process_vm_readv/writev, process_madvise, kcmp, pidfd_getfd, add_key,
    // request_key, keyctl, bpf, perf_event_open, userfaultfd, io_uring_setup/enter/register, mount, umount2, pivot_root, chroot, setns,
    // unshare, open_tree, move_mount, fsopen, fsconfig, fsmount, fspick, mount_setattr, kexec_load, kexec_file_load, init_module,
    // finit_module, delete_module, reboot, swapon, swapoff, quotactl, acct, settimeofday, clock_settime, adjtimex, clock_adjtime,
    // sethostname, setdomainname, open_by_handle_at, name_to_handle_at, syslog, vhangup, fanotify_init, lookup_dcookie, personality, mbind,
    // set_mempolicy, migrate_pages, move_pages, memfd_create, memfd_secret, shmget, msgget, semget, open_tree_attr,
    // set_mempolicy_home_node; on x86-64 also uselib, modify_ldt, iopl, ioperm
    static readonly Numbers s_x64 = new(0xC000003E, 56, 435, 41, 53, 0x40000000,
    [
        101, 310, 311, 440, 312, 438, 248, 249, 250, 321, 298, 323, 425, 426, 427, 165, 166, 155, 161, 308, 272, 428, 429, 430,
        431, 432, 433, 442, 246, 320,
        175, 313, 176, 169, 167, 168, 179, 163, 164, 227, 159, 305, 170, 171, 304, 303, 103, 153, 300, 212, 135, 237, 238, 256, 279, 319,
        447, 29, 68, 64, 467, 450, 134, 154, 172, 173,
    ]);

    static readonly Numbers s_arm64 = new(0xC00000B7, 220, 435, 198, 199, null,
    [
        117, 270, 271, 440, 272, 438, 217, 218, 219, 280, 241, 282, 425, 426, 427, 40, 39, 41, 51, 268, 97, 428, 429, 430, 431,
        432, 433, 442, 104, 294, 105,
        273, 106, 142, 224, 225, 60, 89, 170, 112, 171, 266, 161, 162, 265, 264, 116, 58, 262, 18, 92, 235, 237, 238, 239, 279,
        447, 194, 186, 190, 467, 450,
    ]);

    /// <summary>The filter for this machine's architecture, or a <see cref="SandboxException"/> that names it.</summary>
    public static byte[] Build() => RuntimeInformation.OSArchitecture switch
    {
        Architecture.X64 => Build(s_x64),
        Architecture.Arm64 => Build(s_arm64),
        var other => throw new SandboxException($"the sandbox has no system-call filter for {other}: run it on x86-64 or Arm64"),
    };

    static byte[] Build(Numbers numbers)
    {
        var program = new List<(ushort Code, byte True, byte False, uint Value)>
        {
            (Load, 0, 0, ArchitectureOffset),
            (JumpEqual, 1, 0, numbers.Architecture), // a 32-bit call on a 64-bit kernel has other numbers
            (Return, 0, 0, KillProcess),
            (Load, 0, 0, NumberOffset),
        };
        if (numbers.ForeignAbi is { } x32)
        {
            program.Add((JumpGreaterEqual, 0, 1, x32));
            program.Add((Return, 0, 0, KillProcess));
        }
        foreach (var call in numbers.Refused)
        {
            program.Add((JumpEqual, 0, 1, call));
            program.Add((Return, 0, 0, Eperm));
        }
        program.Add((JumpEqual, 0, 1, numbers.Clone3Call));
        program.Add((Return, 0, 0, Enosys));

        program.Add((JumpEqual, 0, 4, numbers.CloneCall));
        program.Add((Load, 0, 0, FirstArgumentOffset));
        program.Add((JumpSet, 0, 1, NewNamespaces));
        program.Add((Return, 0, 0, Eperm));
        program.Add((Return, 0, 0, Allow));

        program.Add((JumpEqual, 0, 1, numbers.SocketCall));
        program.Add((Return, 0, 0, Eperm));
        program.Add((JumpEqual, 0, 6, numbers.SocketPairCall));
        program.Add((Load, 0, 0, FirstArgumentOffset));
        program.Add((JumpEqual, 0, 3, Local));
        program.Add((Load, 0, 0, SecondArgumentOffset));
        program.Add((And, 0, 0, TypeMask));
        program.Add((JumpEqual, 1, 0, Stream));
        program.Add((Return, 0, 0, Eperm));
        program.Add((Return, 0, 0, Allow));

        var bytes = new byte[program.Count * 8];
        for (var i = 0; i < program.Count; i++)
        {
            var (code, yes, no, value) = program[i];
            BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(i * 8), code);
            bytes[i * 8 + 2] = yes;
            bytes[i * 8 + 3] = no;
            BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(i * 8 + 4), value);
        }
        return bytes;
    }
}
