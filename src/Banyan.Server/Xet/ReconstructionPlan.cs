using Banyan.Chunks;
using Banyan.Server.Content;

namespace Banyan.Server.Xet;

/// <summary>A run of chunks of a xorb, with the bytes that hold them.</summary>
/// <param name="Xorb">The xorb.</param>
/// <param name="First">First chunk.</param>
/// <param name="End">After the last chunk.</param>
/// <param name="FirstByte">First byte in the xorb.</param>
/// <param name="EndByte">After the last byte.</param>
/// <param name="Length">Bytes of the chunks themselves.</param>
readonly record struct Run(XetHash Xorb, int First, int End, long FirstByte, long EndByte, long Length);

/// <summary>What a client needs to put a range of a file together.</summary>
/// <param name="Offset">Bytes of the first run that come before the range.</param>
/// <param name="Terms">Runs in the file's order, of whole chunks.</param>
/// <param name="Fetches">What to fetch: every run is in one of these; runs that touch are one.</param>
sealed record ReconstructionPlan(long Offset, IReadOnlyList<Run> Terms, IReadOnlyList<Run> Fetches)
{
    /// <summary>Plans bytes <paramref name="from"/> to <paramref name="to"/> of a file.</summary>
    public static async Task<ReconstructionPlan> ForAsync(LargeFile file, long from, long to, XorbIndex index,
        CancellationToken cancellationToken)
    {
        var runs = new List<Run>();
        long start = 0, offset = 0;
        foreach (var term in file.Terms)
        {
            var end = start + term.RawLength;
            if (end > from && start < to)
            {
                var layout = await index.LayoutAsync(term.Xorb, cancellationToken);
                int first = term.First, last = term.End;
                long length = term.RawLength, before = start;
                for (; before + layout.RawLengthOf(first) <= from; first++)
                {
                    before += layout.RawLengthOf(first);
                    length -= layout.RawLengthOf(first);
                }
                for (; before + length - layout.RawLengthOf(last - 1) >= to; last--)
                    length -= layout.RawLengthOf(last - 1);
                if (runs.Count == 0)
                    offset = from - before;
                runs.Add(new Run(layout.Hash, first, last, layout.Start(first), layout.Chunks[last - 1].End, length));
            }
            start = end;
        }
        return new ReconstructionPlan(offset, runs, Merge(runs));
    }

    static List<Run> Merge(List<Run> runs)
    {
        var merged = new List<Run>();
        // A file may repeat the same few runs countless times.
        foreach (var run in runs.Distinct().OrderBy(r => r.Xorb).ThenBy(r => r.First))
        {
            if (merged is [.., var last] && last.Xorb == run.Xorb && run.First <= last.End)
            {
                if (run.End > last.End)
                    merged[^1] = last with { End = run.End, EndByte = run.EndByte };
            }
            else
            {
                merged.Add(run);
            }
        }
        return merged;
    }
}
