using System.Buffers.Binary;
using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;
using Banyan.Server.Git;
using Banyan.Server.Git.Packs;
using CsCheck;

namespace Banyan.Server.Tests.Git;

/// <summary>Packs that lie are refused by name, whole, and cost no more than they are long.</summary>
public sealed class HostilePackTests : IDisposable
{
    readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("banyan-packs-");

    public void Dispose() => _folder.Delete(recursive: true);

    /// <summary>Writes packs entry by entry, right or wrong.</summary>
    sealed class Pack
    {
        readonly MemoryStream _bytes = new();

        public Pack(uint objects, uint version = 2)
        {
            var header = new byte[12];
            "PACK"u8.CopyTo(header);
            BinaryPrimitives.WriteUInt32BigEndian(header.AsSpan(4), version);
            BinaryPrimitives.WriteUInt32BigEndian(header.AsSpan(8), objects);
            _bytes.Write(header);
        }

        public long At => _bytes.Length;

        public Pack Entry(int type, byte[] content, long? length = null, byte[]? before = null)
        {
            Span<byte> header = stackalloc byte[16];
            _bytes.Write(header[..PackFormat.WriteEntryHeader(header, type, length ?? content.Length)]);
            _bytes.Write(before ?? []);
            using var zlib = new ZLibStream(_bytes, CompressionLevel.Fastest, leaveOpen: true);
            zlib.Write(content);
            return this;
        }

        public Pack Raw(params byte[] bytes)
        {
            _bytes.Write(bytes);
            return this;
        }

        public byte[] End() => [.. _bytes.ToArray(), .. SHA1.HashData(_bytes.ToArray())];
    }

    async Task<IncomingPack> ReadAsync(byte[] pack, PackLimits? limits = null) =>
        await IncomingPack.ReadAsync(new MemoryStream(pack), _folder.FullName, limits ?? new(), _ => new((GitObject?)null),
            TestContext.Current.CancellationToken);

    async Task RefusedAsync(string message, byte[] pack, PackLimits? limits = null)
    {
        Assert.Contains(message, (await Assert.ThrowsAsync<PackException>(() => ReadAsync(pack, limits))).Message);
        Assert.Empty(_folder.GetFiles());
    }

    static byte[] Delta(long from, long to, params byte[] instructions)
    {
        static IEnumerable<byte> Length(long value)
        {
            for (; value >= 0x80; value >>= 7)
                yield return (byte)(value & 0x7f | 0x80);
            yield return (byte)value;
        }
        return [.. Length(from), .. Length(to), .. instructions];
    }

    static byte[] IdOf(string blob) => GitId.Of(GitKind.Blob, Encoding.UTF8.GetBytes(blob)).ToArray();

    [Fact]
    public async Task Honest_deltas_come_in_any_order_and_depth()
    {
        var (first, second, third) = ("hello", "hello hello", "hello hello!");
        // The third waits for the second, which waits for the first, which comes last.
        var pack = new Pack(3)
            .Entry(7, Delta(11, 12, 0x90, 11, 1, (byte)'!'), before: IdOf(second))
            .Entry(7, Delta(5, 11, 0x90, 5, 1, (byte)' ', 0x90, 5), before: IdOf(first))
            .Entry(3, Encoding.UTF8.GetBytes(first)).End();
        using var read = await ReadAsync(pack);
        Assert.Equal([first, second, third], read.Objects.Select(o => Encoding.UTF8.GetString(read.Read(o))).Order(StringComparer.Ordinal));

        // A chain of four thousand, each with one byte more.
        var chain = new Pack(4001);
        var at = chain.At;
        chain.Entry(3, "x"u8.ToArray());
        for (var n = 1; n <= 4000; n++)
        {
            var here = chain.At;
            var distance = (int)(here - at);
            var copy = n < 256 ? new byte[] { 0x90, (byte)n } : [0xb0, (byte)n, (byte)(n >> 8)];
            chain.Entry(6, Delta(n, n + 1, [.. copy, 1, (byte)'x']), before: [(byte)distance]);
            at = here;
        }
        using var deep = await ReadAsync(chain.End());
        Assert.Equal(4001, deep.Objects.Max(o => o.Length));
    }

    [Fact]
    public async Task What_is_wrong_is_named()
    {
        await RefusedAsync("does not begin as a pack", [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
        await RefusedAsync("ends too early", "PACK"u8.ToArray());
        await RefusedAsync("version 2 or 3", new Pack(0, version: 4).End());
        await RefusedAsync("4294967295 objects", new Pack(uint.MaxValue).End());
        await RefusedAsync("ends too early", new Pack(2).Entry(3, "a"u8.ToArray()).End());
        await RefusedAsync("checksum is wrong", [.. new Pack(1).Entry(3, "a"u8.ToArray()).End()[..^1], 0]);
        await RefusedAsync("follows its end", [.. new Pack(1).Entry(3, "a"u8.ToArray()).End(), 0]);
        await RefusedAsync("twice", new Pack(2).Entry(3, "a"u8.ToArray()).Entry(3, "a"u8.ToArray()).End());
        await RefusedAsync("unknown type 5", new Pack(1).Entry(5, "a"u8.ToArray()).End());
        await RefusedAsync("unknown type 0", new Pack(1).Entry(0, "a"u8.ToArray()).End());
        await RefusedAsync("longer than the 1 bytes", new Pack(1).Entry(3, "ab"u8.ToArray(), length: 1).End());
        await RefusedAsync("has 2 bytes instead of the 3", new Pack(1).Entry(3, "ab"u8.ToArray(), length: 3).End());
        await RefusedAsync("length of an object is damaged", new Pack(1).Raw([0xb0, .. Enumerable.Repeat((byte)0xff, 12)]).End());
        await RefusedAsync("compression is damaged", new Pack(1).Raw(0x31, 0x78, 0x9c, 0xff, 0xff, 0xff, 0xff).End());
        // What would become large is refused by what it says of itself, before it is unpacked.
        await RefusedAsync("at most 10485760", new Pack(1).Entry(3, new byte[100], length: 1L << 40).End());
        await RefusedAsync("at most 10485760",
            new Pack(2).Entry(3, "a"u8.ToArray()).Entry(7, Delta(1, 1L << 40, 0x90, 1), before: IdOf("a")).End());
        await RefusedAsync("more than 1000 bytes together", new Pack(2).Entry(3, new byte[600]).Entry(3, new byte[601]).End(),
            new() { Unpacked = 1000 });
    }

    [Fact]
    public async Task Deltas_that_lie_are_refused()
    {
        byte[] Of(params byte[] delta) => new Pack(2).Entry(3, "a"u8.ToArray()).Entry(7, delta, before: IdOf("a")).End();
        await RefusedAsync("base of 2 bytes", Of(Delta(2, 1, 0x90, 1)));
        await RefusedAsync("reserved instruction", Of(Delta(1, 1, 0)));
        await RefusedAsync("copies more than there is", Of(Delta(1, 2, 0x90, 2)));
        await RefusedAsync("copies more than there is", Of(Delta(1, 65536, 0x80)));
        await RefusedAsync("inserts more than there is", Of(Delta(1, 1, 2, 1)));
        await RefusedAsync("ends too early", Of(Delta(1, 1, 0x91)));
        await RefusedAsync("makes 0 bytes instead of 1", Of(Delta(1, 1)));
        await RefusedAsync("length is damaged", Of([.. Enumerable.Repeat((byte)0xff, 20)]));
        // Bases that are nowhere, themselves, or each other.
        await RefusedAsync("neither in it nor in the repository", new Pack(1).Entry(7, Delta(1, 1, 0x90, 1), before: IdOf("b")).End());
        await RefusedAsync("base is not before it", new Pack(1).Entry(6, Delta(1, 1, 0x90, 1), before: [0]).End());
        await RefusedAsync("base is not before it", new Pack(1).Entry(6, Delta(1, 1, 0x90, 1), before: [0x7f]).End());
        await RefusedAsync("base of a delta is no object",
            new Pack(2).Entry(3, "a"u8.ToArray()).Entry(6, Delta(1, 1, 0x90, 1), before: [3]).End());
        await RefusedAsync("neither in it nor in the repository", new Pack(2)
            .Entry(7, Delta(1, 1, 1, (byte)'x'), before: IdOf("y")).Entry(7, Delta(1, 1, 1, (byte)'y'), before: IdOf("x")).End());
    }

    [Fact]
    public void Whatever_comes_it_is_a_pack_or_refused()
    {
        var pack = new Pack(3).Entry(3, "hello"u8.ToArray()).Entry(7, Delta(5, 11, 0x90, 5, 1, (byte)' ', 0x90, 5), before: IdOf("hello"))
            .Entry(1, new byte[300]).End();
        Gen.Select(Gen.Int[0, pack.Length - 1], Gen.Byte, Gen.Int[0, pack.Length]).Array[1, 4].Sample(changes =>
        {
            var changed = pack.ToArray();
            foreach (var (at, value, _) in changes)
                changed[at] = value;
            // Half of them end early, half are whole with a checksum that fits.
            var end = changes[0].Item3;
            changed = end % 2 == 0 ? changed[..end] : [.. changed[..^20], .. SHA1.HashData(changed[..^20])];
            try
            {
                Task.Run(() => ReadAsync(changed, new() { Unpacked = 1 << 20 })).GetAwaiter().GetResult().Dispose();
            }
            catch (PackException)
            {
                // refused
            }
        }, iter: 2000, threads: 1);
        Assert.Empty(_folder.GetFiles());
    }
}
