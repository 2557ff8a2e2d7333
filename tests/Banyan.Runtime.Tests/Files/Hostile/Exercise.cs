using Banyan.Runtime.Files;

namespace Banyan.Runtime.Tests.Files.Hostile;

/// <summary>
/// Does with a file all that a reader of models does, and holds it to the promise: read, or refused by a clear error, in memory that its
/// size bounds.
/// </summary>
static class Exercise
{
    /// <summary>True if the file could be read, false if it was refused.</summary>
    public static bool Open(string path)
    {
        var size = new FileInfo(path).Length;
        var before = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            using var model = ModelFile.Open(path);
            // Half a megabyte for a throw, regular expressions and JSON; the rest in proportion. An empty string of an array is 8 bytes in
            // the file and here.
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 500_000 + 50 * size);
            foreach (var (_, value) in model.Metadata.All)
                Assert.NotNull(value);
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 500_000 + 100 * size);
            foreach (var tensor in model.Tensors)
                for (var row = 0L; row < tensor.Rows; row++)
                    tensor.Dequantize(row, 1, new float[tensor.Columns]);
            return true;
        }
        catch (ModelFileException e)
        {
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 500_000 + 100 * size);
            Assert.StartsWith(System.IO.Path.GetDirectoryName(path)!, e.Path); // the file, or one beside it
            Assert.InRange(e.Message.Length, e.Path.Length + 10, e.Path.Length + 70_000); // a key may be 65,535 bytes
            return false;
        }
    }
}
