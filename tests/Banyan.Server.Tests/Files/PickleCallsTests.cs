using System.IO.Compression;
using Banyan.Server.Files;

namespace Banyan.Server.Tests.Files;

/// <summary>Pickles that Python itself wrote are recognised, and what they import is told.</summary>
public class PickleCallsTests
{
    // As Python's pickle.dumps writes them, by protocol: os.system("echo hi") from __reduce__, and an OrderedDict of numbers.
    [Theory]
    [InlineData("Y3Bvc2l4CnN5c3RlbQpwMAooVmVjaG8gaGkKcDEKdHAyClJwMwou", "posix.system")]
    [InlineData("gAJjcG9zaXgKc3lzdGVtCnEAWAcAAABlY2hvIGhpcQGFcQJScQMu", "posix.system")]
    [InlineData("gASVIgAAAAAAAACMBXBvc2l4lIwGc3lzdGVtlJOUjAdlY2hvIGhplIWUUpQu", "posix.system")]
    [InlineData("gASVKQAAAAAAAACMC2NvbGxlY3Rpb25zlIwLT3JkZXJlZERpY3SUk5QpUpSMAWGUSwFzLg==", "collections.OrderedDict")]
    public void What_a_pickle_imports_is_told(string base64, string expected)
    {
        var bytes = Convert.FromBase64String(base64);
        var calls = PickleCalls.Read(bytes, isWhole: true)!;
        Assert.Equal((expected, true), (Assert.Single(calls.Names), calls.IsWhole));
        Assert.Equal(expected.StartsWith("coll", StringComparison.Ordinal), PickleCalls.IsUsual(expected));
        // Cut off anywhere it is never said to be read whole, and never fails.
        for (var length = 0; length < bytes.Length; length++)
            Assert.NotEqual(true, PickleCalls.Read(bytes.AsSpan(0, length), isWhole: false)?.IsWhole);
    }

    [Fact]
    public void An_archive_of_PyTorch_has_its_pickle_inside()
    {
        byte[] Zip(CompressionLevel level, string name)
        {
            var file = new MemoryStream();
            using (var zip = new ZipArchive(file, ZipArchiveMode.Create, leaveOpen: true))
            using (var entry = zip.CreateEntry(name, level).Open())
                entry.Write(Convert.FromBase64String("gAJjcG9zaXgKc3lzdGVtCnEAWAcAAABlY2hvIGhpcQGFcQJScQMu"));
            return file.ToArray();
        }
        Assert.Equal(["posix.system"], PickleCalls.Read(Zip(CompressionLevel.NoCompression, "archive/data.pkl"), true)!.Names);
        Assert.Equal(["posix.system"], PickleCalls.Read(Zip(CompressionLevel.Optimal, "archive/data.pkl"), true)!.Names);
        Assert.True(PickleCalls.Read(Zip(CompressionLevel.Optimal, "archive/data.pkl"), true)!.IsWhole);
        var other = PickleCalls.Read(Zip(CompressionLevel.NoCompression, "else"), true)!;
        Assert.Equal((0, false), (other.Names.Count, other.IsWhole));
        // Its beginning does not tell which entries count.
        var file = Zip(CompressionLevel.NoCompression, "archive/data.pkl");
        var beginning = PickleCalls.Read(file.AsSpan(0, file.Length - 30), false)!;
        Assert.Equal((1, false), (beginning.Names.Count, beginning.IsWhole));
    }

    [Fact]
    public void An_archive_that_unpacks_to_very_much_is_not_read_to_its_end()
    {
        var file = new MemoryStream();
        using (var zip = new ZipArchive(file, ZipArchiveMode.Create, leaveOpen: true))
            for (var i = 0; i < 3; i++)
                using (var entry = zip.CreateEntry($"{i}/data.pkl").Open())
                    entry.Write([0x80, 2, .. Enumerable.Repeat((byte)'N', 3 << 20), (byte)'.']);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.False(PickleCalls.Read(file.ToArray(), true)!.IsWhole);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 80 << 20);
    }

    /// <summary>Texts that are pushed to mislead who looks at the last two alone, by what Python's own pickle does with them.</summary>
    [Theory]
    [InlineData("\x80\x04U\x05posixU\x06systemU\u000bcollectionsU\x0bOrderedDict00\x93.", "posix.system")]  // thrown away again
    [InlineData("\x80\x04U\x05posixU\x06system(U\u000bcollectionsU\x0bOrderedDict1\x93.", "posix.system")] // with their mark
    [InlineData("\x80\x04U\x05posixp5\n0U\u000bcollectionsU\x0bOrderedDict00g5\nU\x06system\x93.", "posix.system")]
    [InlineData("\x80\x04U\x06systemU\x05posix\x94\x30\x30h\x00U\x06system\x93.", "posix.system")]
    [InlineData("\x80\x04U\x05posixN\x93.", "?")]
    [InlineData("\x80\x02\x82\x05.", "copyreg.?")]
    public void What_lies_on_the_stack_to_mislead_does_not(string pickle, string expected)
    {
        var calls = PickleCalls.Read(System.Text.Encoding.Latin1.GetBytes(pickle), isWhole: true)!;
        Assert.Equal((expected, true), (Assert.Single(calls.Names), calls.IsWhole));
        Assert.False(PickleCalls.IsUsual(expected));
    }

    [Fact]
    public void What_is_no_pickle_is_told_nothing_of()
    {
        Assert.Null(PickleCalls.Read("hello there"u8, true));
        Assert.Null(PickleCalls.Read([], true));
        var random = new Random(7);
        var bytes = new byte[300];
        for (var i = 0; i < 20_000; i++)
        {
            random.NextBytes(bytes);
            bytes[0] = (byte)(i % 2 == 0 ? 0x80 : bytes[0]);
            PickleCalls.Read(bytes.AsSpan(0, random.Next(bytes.Length)), true);
        }
    }
}
