using System.IO.Compression;
using System.Text;

namespace Banyan.Evaluation;

/// <summary>Reads data files, gzip-compressed if the name says so.</summary>
static class DataFiles
{
    /// <summary>Larger than any benchmark's text: bounds what a compressed file can expand to.</summary>
    const long MaximumBytes = 1L << 30;

    public static string ReadText(string file)
    {
        try
        {
            using Stream stream = File.OpenRead(file);
            using var content = file.EndsWith(".gz", StringComparison.OrdinalIgnoreCase)
                ? new GZipStream(stream, CompressionMode.Decompress) : stream;
            using var memory = new MemoryStream();
            var buffer = new byte[64 << 10];
            while (content.Read(buffer) is > 0 and var count)
            {
                memory.Write(buffer, 0, count);
                if (memory.Length > MaximumBytes)
                    throw new EvaluationException($"{file} holds more than {MaximumBytes} bytes");
            }
            return Encoding.UTF8.GetString(memory.GetBuffer(), 0, (int)memory.Length).TrimStart('\uFEFF');
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            throw new EvaluationException($"{file} cannot be read: {SystemProblem.Of(e)}");
        }
    }
}
