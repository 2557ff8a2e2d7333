using System.IO.Pipelines;

namespace Banyan.Server.Content;

/// <summary>Stored bytes that are sent unchanged.</summary>
static class StoredBytes
{
    const int BlockBytes = 64 * 1024;

    /// <summary>Copies exactly so many bytes straight into the response's own memory.</summary>
    /// <exception cref="InvalidDataException">There are fewer.</exception>
    public static async Task CopyAsync(Stream stored, long length, PipeWriter destination, CancellationToken cancellationToken)
    {
        for (var left = length; left > 0;)
        {
            var memory = destination.GetMemory((int)Math.Min(left, BlockBytes));
            var read = await stored.ReadAsync(memory[..(int)Math.Min(left, memory.Length)], cancellationToken);
            if (read == 0)
                throw new InvalidDataException($"An object ends {left} bytes early: run banyan fsck.");
            destination.Advance(read);
            left -= read;
            if ((await destination.FlushAsync(cancellationToken)).IsCompleted)
                break;
        }
    }
}
