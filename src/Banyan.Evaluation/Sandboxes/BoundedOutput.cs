namespace Banyan.Evaluation.Sandboxes;

/// <summary>
/// Reads one of a program's streams: whole up to a limit, or line by line; exceeding the limit or the reader's stop ends the program.
/// </summary>
sealed class BoundedOutput(long limit, Func<ReadOnlyMemory<byte>, bool>? onLine,
    TaskCompletionSource<SandboxEnd> ended, int kept = int.MaxValue)
{
    readonly MemoryStream _bytes = new();
    long _read;

    /// <summary>The stored output: all, or the first bytes; with a line reader, an unterminated last line.</summary>
    public byte[] Bytes => _bytes.ToArray();

    /// <summary>Why this stream ended the program, if it did.</summary>
    public SandboxEnd? End { get; private set; }

    /// <summary>Reads to the end of the stream, reached when no process holds it open any more.</summary>
    public async Task ReadAsync(Stream stream)
    {
        var buffer = new byte[32 << 10];
        try
        {
            while (await stream.ReadAsync(buffer) is > 0 and var count)
            {
                if (End is not null)
                    continue; // drain: the program is being ended
                _read += count;
                if (_read > limit)
                    Finish(SandboxEnd.OutputLimit);
                else if (onLine is null)
                    _bytes.Write(buffer, 0, (int)Math.Min(count, kept - _bytes.Length));
                else
                    Lines(buffer.AsSpan(0, count));
            }
        }
        catch (IOException)
        {
            // The pipe broke with its writer.
        }
    }

    void Lines(ReadOnlySpan<byte> bytes)
    {
        while (bytes.IndexOf((byte)'\n') is >= 0 and var length)
        {
            _bytes.Write(bytes[..length]);
            bytes = bytes[(length + 1)..];
            var more = onLine!(_bytes.GetBuffer().AsMemory(0, (int)_bytes.Length));
            _bytes.SetLength(0);
            if (!more)
            {
                Finish(SandboxEnd.Stopped);
                return;
            }
        }
        _bytes.Write(bytes);
    }

    void Finish(SandboxEnd end)
    {
        End = end;
        ended.TrySetResult(end);
    }
}
