using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using Banyan.Chunks;
using Banyan.Runtime.Kernels.Assembled;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Banyan.Server.Content.Hashing;

/// <summary>
/// SHA-256 with the processor's own instructions (Intel, "SHA Extensions"; FIPS 180-4) and, in their shadow, the rolling hash that cuts
/// chunks. Each of the two is a chain in which every step waits for the one before, and leaves most of the processor idle: together they
/// take hardly longer than SHA-256 alone.
/// .NET has no such instructions, so the code is assembled; where it cannot be, the two are computed one after the other.
/// </summary>
static unsafe class HashAndCutKernel
{
    public const int BlockBytes = 64, StateWords = 8;

    /// <summary>What a call works on.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct Work
    {
        /// <summary>The next bytes for SHA-256, and how many blocks of 64 there are: at least one. Both move on.</summary>
        public byte* Blocks;

        public long Count;

        /// <summary>SHA-256's words a to h.</summary>
        public uint* State;

        /// <summary>
        /// The next byte for the rolling hash; as many are read as of the blocks. Moves on, at a cut behind its last byte.
        /// </summary>
        public byte* Bytes;

        public ulong Rolling;

        /// <summary>A chunk ends where the rolling hash is no higher.</summary>
        public ulong LastCut;

        public ulong* Gear;

        public byte* Constants;

        /// <summary>Whether it returned because of a cut.</summary>
        public long IsCut;
    }

    const int Groups = 16, BytesInGroup = BlockBytes / Groups;

    static ReadOnlySpan<uint> RoundConstants =>
    [
        0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be,
        0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
        0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8,
        0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
        0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70,
        0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
        0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814,
        0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
    ];

    /// <summary>Turns the bytes of each word round: SHA-256 reads its words with the high byte first.</summary>
    static ReadOnlySpan<byte> WordOrder => [3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12];

    static readonly byte* s_constants = Constants();
    static readonly ulong* s_gear = Gear();
    static readonly nint s_both = IsPossible ? (nint)ExecutableMemory.TryPlace(Assemble(cuts: true)) : 0;
    static readonly nint s_hash = s_both != 0 ? (nint)ExecutableMemory.TryPlace(Assemble(cuts: false)) : 0;

    /// <summary>Whether this processor and system run it.</summary>
    public static bool IsSupported => s_hash != 0;

    static bool IsPossible => Avx2.IsSupported && RuntimeInformation.ProcessArchitecture == Architecture.X64 && X86Base.CpuId(0, 0).Eax >= 7
        && (X86Base.CpuId(7, 0).Ebx >> 29 & 1) != 0;

    /// <summary>Hashes blocks, and looks for a cut in as many bytes.</summary>
    public static bool HashAndCut(ref Work work)
    {
        work.IsCut = 0;
        Run(s_both, ref work);
        return work.IsCut != 0;
    }

    /// <summary>Hashes blocks.</summary>
    public static void Hash(ref Work work) => Run(s_hash, ref work);

    static void Run(nint kernel, ref Work work)
    {
        work.Constants = s_constants;
        work.Gear = s_gear;
        fixed (Work* arguments = &work)
            ((delegate* unmanaged[SuppressGCTransition]<Work*, void>)kernel)(arguments);
    }

    static byte* Constants()
    {
        var bytes = (byte*)NativeMemory.AlignedAlloc(sizeof(uint) * 64 + 16, 64);
        RoundConstants.CopyTo(new Span<uint>(bytes, 64));
        WordOrder.CopyTo(new Span<byte>(bytes + sizeof(uint) * 64, 16));
        return bytes;
    }

    static ulong* Gear()
    {
        var table = (ulong*)NativeMemory.AlignedAlloc(256 * sizeof(ulong), 64);
        GearTable.Values.CopyTo(new Span<ulong>(table, 256));
        return table;
    }

    static AssemblerMemoryOperand Field(string name) => __qword_ptr[rbp + (int)Marshal.OffsetOf<Work>(name)];

    static byte[] Assemble(bool cuts)
    {
        var code = new KernelWriter();
        var a = code.A;
        // sha256rnds2 takes the message from xmm0
        var (message, abef, cdgh, rest, order, abefBefore, cdghBefore) = (xmm0, xmm1, xmm2, xmm7, xmm8, xmm9, xmm10);
        AssemblerRegisterXMM[] words = [xmm3, xmm4, xmm5, xmm6];
        var (blocks, count, bytes, rolling, lastCut, gear, constants, state) = (r8, r9, r10, rax, r11, rbx, r12, r13);
        var (top, end) = (a.CreateLabel(), a.CreateLabel());
        var tails = Enumerable.Range(0, Groups).Select(_ => a.CreateLabel()).ToArray();
        var cutAt = Enumerable.Range(0, BlockBytes).Select(_ => a.CreateLabel()).ToArray();

        code.Begin();
        a.vzeroupper();     // what follows is not VEX-encoded: SHA has no such forms
        a.mov(rbp, KernelWriter.Arguments);
        a.mov(blocks, Field(nameof(Work.Blocks)));
        a.mov(count, Field(nameof(Work.Count)));
        a.mov(state, Field(nameof(Work.State)));
        a.mov(constants, Field(nameof(Work.Constants)));
        if (cuts)
        {
            a.mov(bytes, Field(nameof(Work.Bytes)));
            a.mov(rolling, Field(nameof(Work.Rolling)));
            a.mov(lastCut, Field(nameof(Work.LastCut)));
            a.mov(gear, Field(nameof(Work.Gear)));
        }
        a.movdqa(order, __xmmword_ptr[constants + sizeof(uint) * 64]);
        // abcd, efgh → abef, cdgh
        a.movdqu(rest, __xmmword_ptr[state]);
        a.movdqu(cdgh, __xmmword_ptr[state + 16]);
        a.pshufd(rest, rest, 0xb1);
        a.pshufd(cdgh, cdgh, 0x1b);
        a.movdqa(abef, rest);
        a.palignr(abef, cdgh, 8);
        a.pblendw(cdgh, rest, 0xf0);

        a.Label(ref top);
        a.movdqa(abefBefore, abef);
        a.movdqa(cdghBefore, cdgh);
        for (var group = 0; group < Groups; group++)
        {
            FourRounds(group);
            for (var i = 0; cuts && i < BytesInGroup; i++)
                NextByte(group * BytesInGroup + i);
        }
        EndBlock();
        if (cuts)
            a.add(bytes, BlockBytes);
        a.dec(count);
        a.jnz(top);

        a.Label(ref end);
        // abef, cdgh → abcd, efgh
        a.pshufd(rest, abef, 0x1b);
        a.pshufd(cdgh, cdgh, 0xb1);
        a.movdqa(abef, rest);
        a.pblendw(abef, cdgh, 0xf0);
        a.palignr(cdgh, rest, 8);
        a.movdqu(__xmmword_ptr[state], abef);
        a.movdqu(__xmmword_ptr[state + 16], cdgh);
        a.mov(Field(nameof(Work.Blocks)), blocks);
        a.mov(Field(nameof(Work.Count)), count);
        if (cuts)
        {
            a.mov(Field(nameof(Work.Bytes)), bytes);
            a.mov(Field(nameof(Work.Rolling)), rolling);
        }
        code.End();

        if (cuts)
            FinishCutBlocks();
        return code.ToBytes();

        void FourRounds(int group)
        {
            var (now, next, after, before) = (words[group % 4], words[(group + 1) % 4], words[(group + 3) % 4], words[(group + 3) % 4]);
            if (group < 4)
            {
                a.movdqu(now, __xmmword_ptr[blocks + 16 * group]);
                a.pshufb(now, order);
            }
            a.movdqa(message, now);
            a.paddd(message, __xmmword_ptr[constants + 16 * group]);
            a.sha256rnds2(cdgh, abef);
            if (group is >= 3 and < 15)
            {
                a.movdqa(rest, now);
                a.palignr(rest, before, 4);
                a.paddd(next, rest);
                a.sha256msg2(next, now);
            }
            a.pshufd(message, message, 0x0e);
            a.sha256rnds2(abef, cdgh);
            if (group is >= 1 and <= 12)
                a.sha256msg1(after, now);
        }

        void NextByte(int number)
        {
            a.movzx(ecx, __byte_ptr[bytes + number]);
            a.mov(rcx, __qword_ptr[gear + rcx * 8]);
            a.lea(rolling, __qword_ptr[rcx + rolling * 2]);
            a.cmp(rolling, lastCut);
            a.jbe(cutAt[number]);
        }

        void EndBlock()
        {
            a.paddd(abef, abefBefore);
            a.paddd(cdgh, cdghBefore);
            a.add(blocks, BlockBytes);
        }

        // A block in which a chunk ends is hashed to its end, without looking further.
        void FinishCutBlocks()
        {
            for (var number = 0; number < BlockBytes; number++)
            {
                a.Label(ref cutAt[number]);
                a.mov(edx, number + 1);
                a.jmp(tails[number / BytesInGroup]);
            }
            for (var group = 0; group < Groups; group++)
            {
                a.Label(ref tails[group]);      // behind the rounds of this group
                if (group + 1 < Groups)
                    FourRounds(group + 1);
            }
            EndBlock();
            a.add(bytes, rdx);
            a.mov(__qword_ptr[rbp + (int)Marshal.OffsetOf<Work>(nameof(Work.IsCut))], 1);
            a.dec(count);
            a.jmp(end);
        }
    }
}
