namespace Banyan.Client.Cache;

/// <summary>A lock between processes, compatible with Python's filelock (flock on Unix).</summary>
static class FileLock
{
    /// <summary>Waits until the lock is acquired.</summary>
    public static async Task<IDisposable> TakeAsync(string path, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        while (true)
        {
            try
            {
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1);
            }
            catch (IOException) when (File.Exists(path))
            {
                await Task.Delay(200, cancellationToken);
            }
        }
    }
}
