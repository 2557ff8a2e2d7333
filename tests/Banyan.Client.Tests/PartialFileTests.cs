using Banyan.Client.Cache;
using CsCheck;

namespace Banyan.Client.Tests;

public sealed class PartialFileTests : IDisposable
{
    readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("banyan-partial");

    string Name => Path.Combine(_folder.FullName, "blob");

    [Fact]
    public void Ranges_are_a_set_of_bytes()
    {
        var edge = Gen.Int[0, 40];
        Gen.Select(edge, edge).List[0, 20].Sample(added =>
        {
            var ranges = new ByteRanges();
            var bytes = new bool[41];
            foreach (var (a, b) in added)
            {
                var (start, end) = (Math.Min(a, b), Math.Max(a, b));
                ranges.Add(start, end);
                bytes.AsSpan(start..end).Fill(true);
            }
            Assert.Equal(bytes.Count(b => b), ranges.Total);
            for (var start = 0; start < 40; start += 7)
            {
                var missing = new bool[41];
                foreach (var range in ranges.Missing(start, 40))
                {
                    Assert.True(range.Length > 0);
                    missing.AsSpan((int)range.Start..(int)range.End).Fill(true);
                }
                for (var i = 0; i < 40; i++)
                    Assert.Equal(i >= start && !bytes[i], missing[i]);
            }
        });
    }

    [Fact]
    public void What_was_written_is_there_after_a_crash()
    {
        var bytes = Bytes(5 << 20);
        var first = PartialFile.Open(Name, bytes.Length, default);
        using (var run = first.From(1000))
            run.Append(bytes.AsSpan(1000, 3 << 20));
        // No Dispose: the process is gone.
        using var second = Copy(first, bytes.Length);
        Assert.Equal(3 << 20, second.Done);
        Assert.Equal([new ByteRange(0, 1000), new ByteRange(1000 + (3 << 20), bytes.Length)], second.Missing(0, bytes.Length));
        foreach (var range in second.Missing(0, bytes.Length))
            using (var run = second.From(range.Start))
                run.Append(bytes.AsSpan((int)range.Start, (int)range.Length));
        var done = Path.Combine(_folder.FullName, "done");
        Assert.True(second.IsComplete);
        second.Publish(done);
        Assert.Equal(bytes, File.ReadAllBytes(done));
        first.Dispose();
    }

    [Fact]
    public void Damaged_bytes_and_records_are_not_believed()
    {
        var bytes = Bytes(3 << 20);
        using (var part = PartialFile.Open(Name, bytes.Length, default))
        using (var run = part.From(0))
            run.Append(bytes);
        using (var file = File.OpenHandle(Name, FileMode.Open, FileAccess.ReadWrite))
            RandomAccess.Write(file, new byte[10], 1_500_000);           // lost in a power cut
        File.AppendAllText(Name + ".log", "cut off");
        using (var part = PartialFile.Open(Name, bytes.Length, default))
        {
            Assert.Equal([new ByteRange(1 << 20, 2 << 20)], part.Missing(0, bytes.Length));
            using var run = part.From(1 << 20);
            run.Append(bytes.AsSpan(1 << 20, 1 << 20));
        }
        using (var part = PartialFile.Open(Name, bytes.Length, default))
            Assert.True(part.IsComplete);
        // Another size is another file.
        using (var part = PartialFile.Open(Name, bytes.Length + 1, default))
            Assert.Equal(0, part.Done);
    }

    [Fact]
    public async Task Hashes_as_git_does()
    {
        using var part = PartialFile.Open(Name, 6, default);
        using (var run = part.From(0))
            run.Append("hello\n"u8);
        Assert.Equal("ce013625030ba8dba906f756967f9e9ca394464a", await part.HashAsync(git: true, default));   // git hash-object
        Assert.Equal("5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03", await part.HashAsync(git: false, default));
    }

    PartialFile Copy(PartialFile open, long size)
    {
        _ = open;
        foreach (var end in new[] { "", ".log" })
            using (var from = new FileStream(Name + end, FileMode.Open, FileAccess.Read, FileShare.ReadWrite))
            using (var to = File.Create(Path.Combine(_folder.FullName, "copy" + end)))
                from.CopyTo(to);
        return PartialFile.Open(Path.Combine(_folder.FullName, "copy"), size, default);
    }

    static byte[] Bytes(int length)
    {
        var bytes = new byte[length];
        new Random(1).NextBytes(bytes);
        return bytes;
    }

    public void Dispose() => _folder.Delete(recursive: true);
}
