namespace Banyan.Runtime.Models.Blocks;

/// <summary>
/// The rows that a convolution sees of a sequence: those of a pass, before them what is kept of the tokens before, [kernel − 1, channels],
/// and nothing before the sequence.
/// </summary>
/// <param name="rows">The pass's rows of the sequence.</param>
/// <param name="stride">From one to the next, in floats.</param>
/// <param name="before">What was kept before the pass; null for nothing.</param>
/// <param name="channels">Channels.</param>
/// <param name="kernel">Tokens that the convolution sees.</param>
internal readonly unsafe struct PastRows(float* rows, int stride, float* before, int channels, int kernel)
{
    /// <summary>A row and those before it, as many as the convolution sees; null for what is before the sequence.</summary>
    public void Taps(int row, float** taps)
    {
        for (var tap = 0; tap < kernel; tap++)
            taps[tap] = Row(row - (kernel - 1) + tap);
    }

    /// <summary>Keeps some channels of what the row after this one sees before itself.</summary>
    public void Keep(int row, float* after, int first, int end)
    {
        for (var tap = 0; tap < kernel - 1; tap++)
        {
            var from = Row(row - (kernel - 2) + tap);
            var to = new Span<float>(after + (long)tap * channels + first, end - first);
            if (from is null)
                to.Clear();
            else
                new Span<float>(from + first, end - first).CopyTo(to);
        }
    }

    float* Row(int row) =>
        row >= 0 ? rows + row * (long)stride
        : before is null ? null
        : before + (long)(kernel - 1 + row) * channels;
}
