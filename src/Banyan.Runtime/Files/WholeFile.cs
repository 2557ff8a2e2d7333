namespace Banyan.Runtime.Files;

/// <summary>Files that are there whole or not at all.</summary>
static class WholeFile
{
    /// <summary>Writes a file beside <paramref name="path"/>, flushes it to the disk and puts it in its place; where writing fails, nothing is left of it.</summary>
    public static void Write(string path, Action<Stream> write)
    {
        var temporary = path + ".tmp";
        try
        {
            using (var stream = new FileStream(temporary, FileMode.Create, FileAccess.Write, FileShare.None, 1 << 20))
            {
                write(stream);
                stream.Flush(flushToDisk: true);
            }
            File.Move(temporary, path, overwrite: true);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }
}
