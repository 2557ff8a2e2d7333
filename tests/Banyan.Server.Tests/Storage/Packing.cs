using System.Buffers.Binary;
using Banyan.Server.Storage.Objects;
using Banyan.Server.Storage.Objects.Packing;

namespace Banyan.Server.Tests.Storage;

public sealed class PackingTests : IDisposable
{
    readonly string _folder = Directory.CreateTempSubdirectory("banyan-packing-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>BF16 weights of a normal distribution, each quarter of a megabyte with its own scale.</summary>
    internal static byte[] Weights(int length, int seed)
    {
        var (random, bytes) = (new Random(seed), new byte[length]);
        for (var i = 0; i + 1 < length; i += 2)
        {
            var scale = 0.01 * (1 + i / 250_000 % 7);
            var value = scale * Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
            BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(i), (ushort)(BitConverter.SingleToUInt32Bits((float)value) >> 16));
        }
        return bytes;
    }

    /// <summary>The format as its page tells it, number by number.</summary>
    static byte[] Plainly(ReadOnlySpan<byte> stored)
    {
        if (stored[0] == 0)
            return stored[1..].ToArray();
        var shift = stored[0] - 1;
        var (top, escapes) = (stored[1], BinaryPrimitives.ReadUInt16LittleEndian(stored[2..]));
        var rest = stored.Slice(4 + 2 * shift, 2048);
        var planes = stored.Slice(4 + 2 * shift + 2048, 768);
        var escape = stored[(4 + 2 * shift + 2048 + 768)..];
        Assert.Equal(escapes, escape.Length);
        var tile = new byte[4096];
        if (shift == 1)
            (tile[0], tile[4095]) = (stored[4], stored[5]);
        for (int i = 0, next = 0; i < 2048; i++)
        {
            var code = 0;
            for (var bit = 0; bit < 3; bit++)
                code |= (planes[i / 32 * 12 + bit * 4 + i % 32 / 8] >> i % 8 & 1) << bit;
            var exponent = code == 7 ? escape[next++] : (byte)(top - code);
            var number = (rest[i] & 0x80) << 8 | exponent << 7 | rest[i] & 0x7F;
            if (shift + 2 * i + 1 < 4096 - shift)
                BinaryPrimitives.WriteUInt16LittleEndian(tile.AsSpan(shift + 2 * i), (ushort)number);
        }
        return tile;
    }

    static byte[] Packed(ReadOnlySpan<byte> tile, int shift = 0)
    {
        var stored = new byte[Bf16Tile.MaxStored];
        return stored[..Bf16Tile.Pack(tile, stored, ref shift)];
    }

    static void AssertComesBack(byte[] tile, byte[] stored)
    {
        var bytes = new byte[tile.Length];
        Assert.Equal(stored.Length, Bf16Tile.StoredLength([.. stored, 1, 2, 3], tile.Length));
        Bf16Tile.Unpack(stored, bytes);
        Assert.Equal(tile, bytes);
        Assert.Equal(tile, Plainly(stored));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Weights_take_seven_tenths_wherever_they_begin(int shift)
    {
        var weights = Weights(1 << 20, 1);
        for (var at = shift; at + Bf16Tile.Length <= weights.Length; at += Bf16Tile.Length)
        {
            var tile = weights[at..(at + Bf16Tile.Length)];
            foreach (var guess in (int[])[0, 1])
            {
                var stored = Packed(tile, guess);
                Assert.InRange(stored.Length, 1, Bf16Tile.Length * 0.72);
                AssertComesBack(tile, stored);
            }
        }
    }

    [Fact]
    public void Whatever_the_bytes_are_they_come_back()
    {
        var random = new Random(2);
        var weights = Weights(Bf16Tile.Length, 3);
        for (var round = 0; round < 500; round++)
        {
            var tile = weights.ToArray();
            // From hardly anything to nearly everything is something else: zeros, infinities, NaN, any number.
            for (var changes = round * round / 60; changes > 0; changes--)
                tile[random.Next(tile.Length)] = (byte)(round % 3 == 0 ? 0 : round % 3 == 1 ? 0xFF : random.Next(256));
            AssertComesBack(tile, Packed(tile, round % 2));
        }
        foreach (var same in (byte[])[0, 1, 0x3F, 0x7F, 0x80, 0xFF])
            AssertComesBack(Enumerable.Repeat(same, Bf16Tile.Length).ToArray(), Packed(Enumerable.Repeat(same, Bf16Tile.Length).ToArray()));
        foreach (var length in (int[])[1, 2, 4095])
            AssertComesBack(weights[..length], Packed(weights.AsSpan(0, length)));
    }

    [Fact]
    public void Every_number_comes_back_among_weights()
    {
        var weights = Weights(Bf16Tile.Length, 4);
        for (var first = 0; first < 65536; first += 256)
        {
            var tile = weights.ToArray();
            for (var i = 0; i < 256; i++)
                BinaryPrimitives.WriteUInt16LittleEndian(tile.AsSpan(i * 16), (ushort)(first + i));
            AssertComesBack(tile, Packed(tile));
        }
    }

    [Fact]
    public void A_damaged_tile_is_an_error_or_other_bytes_and_nothing_else()
    {
        var random = new Random(5);
        var stored = Packed(Weights(Bf16Tile.Length, 6));
        var tile = new byte[Bf16Tile.Length];
        for (var round = 0; round < 20_000; round++)
        {
            var damaged = stored[..(round % 4 == 0 ? random.Next(stored.Length) : stored.Length)];
            if (damaged.Length > 0)
                damaged[round % 2 == 0 ? random.Next(Math.Min(4, damaged.Length)) : random.Next(damaged.Length)] = (byte)random.Next(256);
            try
            {
                Bf16Tile.Unpack(damaged.AsSpan(0, Bf16Tile.StoredLength(damaged, tile.Length)), tile);
            }
            catch (InvalidDataException)
            {
            }
        }
    }

    async Task<(DiskObjectStore Store, string File)> PutAsync(byte[] bytes)
    {
        var store = new DiskObjectStore(_folder, packs: true);
        Assert.Equal(PutOutcome.Stored, await store.PutAsync("xorbs/weights", new MemoryStream(bytes), bytes.Length, default));
        return (store, Directory.GetFiles(Path.Combine(_folder, "objects"), "*", SearchOption.AllDirectories).Single());
    }

    static async Task<byte[]> ReadAsync(DiskObjectStore store, long offset, long? length, int piece)
    {
        await using var stream = (await store.OpenAsync("xorbs/weights", offset, length, default))!;
        var (bytes, buffer) = (new MemoryStream(), new byte[piece]);
        while (await stream.ReadAsync(buffer) is var read and > 0)
            bytes.Write(buffer, 0, read);
        return bytes.ToArray();
    }

    [Theory]
    [InlineData(100_000)]
    [InlineData(1 << 20)]
    [InlineData(3_000_001)]
    public async Task An_object_of_weights_takes_three_quarters_of_the_disk_and_reads_as_it_was(int length)
    {
        // Pieces of odd length between, as headers of chunks are.
        var weights = Weights(length, 7);
        for (var at = 65_000; at + 9 < length; at += 64_001)
            weights.AsSpan(at, 9).Fill(0xEE);
        var (store, file) = await PutAsync(weights);
        Assert.InRange(new FileInfo(file).Length, 1, length * 0.75);
        Assert.Equal(length, await store.LengthAsync("xorbs/weights", default));
        Assert.Equal(("xorbs/weights", length), await store.ListAsync("", default).Select(o => (o.Key, (int)o.Length)).SingleAsync());
        Assert.Equal(PutOutcome.AlreadyThere, await store.PutAsync("xorbs/weights", new MemoryStream([1]), 1, default));
        foreach (var piece in (int[])[100_001, 4096, 777])
            Assert.Equal(weights, await ReadAsync(store, 0, null, piece));
        var random = new Random(8);
        for (var round = 0; round < 100; round++)
        {
            var (offset, count) = (random.Next(length + 1), random.Next(200_000));
            Assert.Equal(weights[offset..Math.Min(length, offset + count)], await ReadAsync(store, offset, count, 1 + random.Next(70_000)));
        }
        Assert.True(await store.DeleteAsync("xorbs/weights", default));
        Assert.Empty(Directory.GetFiles(_folder, "*", SearchOption.AllDirectories));
    }

    [Fact]
    public async Task What_does_not_shrink_lies_as_it_is()
    {
        var bytes = new byte[3_000_001];
        new Random(9).NextBytes(bytes);
        var (_, file) = await PutAsync(bytes);
        Assert.Equal("weights", Path.GetFileName(file));
        Assert.Equal(bytes, await File.ReadAllBytesAsync(file));
    }

    [Fact]
    public async Task Weights_lie_as_they_are_where_nobody_asked_and_packed_ones_are_still_read()
    {
        var weights = Weights(500_000, 12);
        await PutAsync(weights);
        var store = new DiskObjectStore(_folder);
        await store.PutAsync("plain", new MemoryStream(weights), weights.Length, default);
        Assert.Equal(weights.Length, new FileInfo(Path.Combine(_folder, "objects", "plain")).Length);
        Assert.False(store.Packs(weights));
        Assert.Equal(weights, await ReadAsync(store, 0, null, 4096));
    }

    [Fact]
    public async Task A_packed_object_that_was_damaged_is_an_error_when_it_is_read()
    {
        var (store, file) = await PutAsync(Weights(500_000, 10));
        var whole = await File.ReadAllBytesAsync(file);
        var random = new Random(11);
        for (var round = 0; round < 300; round++)
        {
            var damaged = round % 3 == 0 ? whole[..random.Next(whole.Length)] : whole.ToArray();
            if (damaged.Length > 0)
                damaged[round % 3 == 1 ? damaged.Length - 1 - random.Next(80)
                    : random.Next(damaged.Length)] ^= (byte)(1 + random.Next(255));
            await File.WriteAllBytesAsync(file, damaged);
            await store.LengthAsync("xorbs/weights", default);
            try
            {
                await ReadAsync(store, 0, null, 50_000);
            }
            catch (InvalidDataException)
            {
            }
        }
        await File.WriteAllBytesAsync(file, whole[..1000]);
        await Assert.ThrowsAsync<InvalidDataException>(() => ReadAsync(store, 0, null, 50_000));
    }
}
