using Banyan.Server.Viewer;
using Banyan.Server.Viewer.Parquet;
using Banyan.Tests;

namespace Banyan.Server.Tests.Viewer;

/// <summary>
/// Files that Apache Arrow's C++ library wrote (ParquetSharp 25): 100 rows in two row groups, pages of 256 bytes with a page index, in each
/// encoding, codec and page version that it writes. What is expected follows from the row's number.
/// </summary>
public class ParquetTests
{
    static readonly string s_data = Path.Combine(SharedData.Repository, "tests", "Banyan.Server.Tests", "Viewer", "Data");

    public static TheoryData<string> Files =>
        [.. Directory.GetFiles(s_data, "*.parquet").Select(f => Path.GetFileNameWithoutExtension(f)).Order(StringComparer.Ordinal)];

    internal static FileBytes BytesOf(byte[] bytes, long most = 256 << 20) => new(bytes.Length, most, (offset, into, _) =>
    {
        bytes.AsMemory((int)offset, into.Length).CopyTo(into);
        return Task.CompletedTask;
    });

    static async Task<ParquetTable> OpenAsync(byte[] bytes, long most = 256 << 20)
    {
        var file = BytesOf(bytes, most);
        return new(file, await ParquetFooter.ReadAsync(file, default));
    }

    static string Row(object?[] cells) => string.Join("|", cells.Select(c => Cell.Text(c, 200)));

    static string Expected(int i)
    {
        var half = double.Parse((i * 0.1f).ToString("R", System.Globalization.CultureInfo.InvariantCulture),
            System.Globalization.CultureInfo.InvariantCulture);
        return string.Join("|", [
            $"{i * 1000003L}", i % 7 == 3 ? "null" : $"{i % 5 - 2}", i % 11 == 5 ? "null" : $"name {i:000} नाम",
            i % 9 == 1 ? "null" : Cell.Number(i / 8.0), Cell.Number(half), i % 3 == 0 ? "true" : "false",
            $"{new DateTime(2024, 1, 1).AddMinutes(i):yyyy-MM-dd HH:mm:ss}", $"{new DateTime(2024, 2, 1).AddDays(i):yyyy-MM-dd}",
            (i * 1.125m - 10).ToString("0.000", System.Globalization.CultureInfo.InvariantCulture),
            i % 4 == 0 ? "null" : $"[{string.Join(", ", Enumerable.Range(0, i % 4 - 1).Select(j => $"\"t{i}.{j}\""))}]",
            i % 5 == 0 ? "[]" : $"[[{i}, null], null, []]", "<3 bytes>"]);
    }

    [Theory]
    [MemberData(nameof(Files))]
    public async Task Each_row_is_read_wherever_the_reading_begins(string name)
    {
        var table = await OpenAsync(await File.ReadAllBytesAsync(Path.Combine(s_data, name + ".parquet")));
        Assert.Equal(100, table.Rows);
        Assert.Equal(
            "id:int64 small:int32 name:string score:float64 half:float32 flag:bool at:timestamp day:date price:decimal tags:list grid:list blob:bytes", string.Join(' ', table.Columns.Select(c => $"{c.Name}:{c.Type}")));
        foreach (var (first, count) in new[] { (0, 100), (1, 3), (37, 20), (49, 2), (50, 50), (93, 50) })
        {
            var rows = await table.ReadAsync(first, count, null, 200, default);
            Assert.Equal(Enumerable.Range(first, Math.Min(count, 100 - first)).Select(Expected), rows.Select(Row));
        }
        Assert.Equal(["null|null|name 007 नाम"], (await table.ReadAsync(7, 1, [2], 200, default)).Select(r => Row(r[..3])));
        Assert.Equal((14L, -2L, 2L), table.BoundsOf(1) is { } bounds ? (bounds.Nulls, bounds.Least, bounds.Most) : default);
        Assert.Equal(50, table.SkipTo(0, new RowFilter("", 0, "gt", "60000000")));
        Assert.Equal(100, table.SkipTo(0, new RowFilter("", 0, "eq", "-1")));
        Assert.Equal(0, table.SkipTo(0, new RowFilter("", 0, "has", "6")));
    }

    [Theory]
    [MemberData(nameof(Files))]
    public async Task A_damaged_file_is_a_message_and_costs_little(string name)
    {
        var whole = await File.ReadAllBytesAsync(Path.Combine(s_data, name + ".parquet"));
        var random = new Random(7);
        for (var i = 0; i < 250; i++)
        {
            var bytes = whole.ToArray();
            // In turn: a few bytes of the pages or the footer are others, or the file ends early.
            if (i % 5 == 4)
                bytes = [.. bytes[..random.Next(bytes.Length)], .. i % 2 == 0 ? whole[^8..] : []];
            else
                for (var change = 0; change < 1 + i % 4; change++)
                    bytes[i % 2 == 0 ? random.Next(bytes.Length) : bytes.Length - 8 - random.Next(Math.Min(4000, bytes.Length - 12))] =
                        i % 3 == 0 ? (byte)random.Next(256) : (byte)0xFF;
            var before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                var table = await OpenAsync(bytes);
                await table.ReadAsync(0, 50, table.Columns.Count > 60 ? [0] : null, 200, default);
                for (var c = 0; c < Math.Min(60, table.Columns.Count); c++)
                    table.BoundsOf(c);
            }
            catch (ViewerException e)
            {
                Assert.Matches("[.…]$", e.Message);
            }
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 200 << 20);
        }
    }

    [Fact]
    public async Task What_is_no_parquet_file_says_so()
    {
        foreach (var (bytes, message) in new (byte[], string)[]
        {
            ([], "it has 0 bytes"), ("PAR1"u8.ToArray(), "it has 4 bytes"), (new byte[100], "does not end with PAR1"),
            ([.. new byte[92], 80, 65, 82, 69, 80, 65, 82, 69], "is encrypted"),
            ([.. "PAR1"u8, .. new byte[8], 255, 255, 255, 127, .. "PAR1"u8], "its footer would have"),
            ([.. "PAR1"u8, .. new byte[8], 0, 0, 0, 0, .. "PAR1"u8], "damaged"),
        })
            Assert.Contains(message, (await Assert.ThrowsAsync<ViewerException>(() => OpenAsync(bytes))).Message);
    }

    [Fact]
    public void Pages_unpack_to_the_size_that_they_tell_and_no_further()
    {
        var zeros = new byte[1 << 20];
        var bomb = new MemoryStream();
        using (var gzip = new System.IO.Compression.GZipStream(bomb, System.IO.Compression.CompressionLevel.Optimal, true))
            gzip.Write(zeros);
        Assert.Throws<InvalidDataException>(() => Codecs.Unpack(2, bomb.ToArray(), 1000));
        Assert.Throws<InvalidDataException>(() => Codecs.Unpack(2, bomb.ToArray(), (1 << 20) + 1));
        Assert.Equal(zeros, Codecs.Unpack(2, bomb.ToArray(), 1 << 20).ToArray());
        Assert.Throws<InvalidDataException>(() => Codecs.Unpack(1, Snappier.Snappy.CompressToArray(zeros), 1000));
        Assert.ThrowsAny<Exception>(() => Codecs.Unpack(6, new ZstdSharp.Compressor().Wrap(zeros).ToArray(), 1000));
        Assert.Contains("LZO", Assert.Throws<InvalidDataException>(() => Codecs.Unpack(3, zeros, 10)).Message);
    }

    [Fact]
    public void Values_that_cost_no_bytes_are_counted()
    {
        var file = BytesOf([]);
        for (var page = 0; page < 15; page++)
            file.Walk(ParquetPages.MaxValues);
        Assert.Contains("300 million values", Assert.Throws<ViewerException>(() => file.Walk(1)).Message);
    }

    [Fact]
    public async Task A_request_reads_no_more_of_a_file_than_it_may()
    {
        var table = await OpenAsync(await File.ReadAllBytesAsync(Path.Combine(s_data, "none-delta-bytes.parquet")), 30_000);
        Assert.Contains("would have to be read", (await Assert.ThrowsAsync<ViewerException>(async () =>
        {
            for (var i = 0; i < 100; i++)
                await table.ReadAsync(99, 1, null, 200, default);
        })).Message);
    }
}
