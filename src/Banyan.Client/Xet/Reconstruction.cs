using System.Collections.Immutable;
using Banyan.Chunks;
using Banyan.Client.Wire;

namespace Banyan.Client.Xet;

/// <summary>A run of a xorb's chunks that is a part of a file.</summary>
/// <param name="Xorb">The xorb.</param>
/// <param name="First">Index of its first chunk in the xorb.</param>
/// <param name="End">Index after its last chunk.</param>
/// <param name="Offset">Where it begins in the file; before the requested range for its first run.</param>
/// <param name="Length">Bytes.</param>
readonly record struct FileRun(XetHash Xorb, int First, int End, long Offset, long Length);

/// <summary>Where stored chunks can be fetched.</summary>
/// <param name="Xorb">The xorb.</param>
/// <param name="First">Index of the first chunk in the response.</param>
/// <param name="End">Index after the last.</param>
/// <param name="Url">The signed address.</param>
/// <param name="From">The first byte of the range to request.</param>
/// <param name="To">The last byte.</param>
readonly record struct FetchRange(XetHash Xorb, int First, int End, Uri Url, long From, long To)
{
    public long Length => To - From + 1;
}

/// <summary>How a part of a file is assembled, validated: runs without gaps, each within one range that can be fetched.</summary>
sealed record Reconstruction(ImmutableArray<FileRun> Runs, ImmutableArray<FetchRange> Fetches)
{
    /// <summary>Checks a hub's answer for bytes <paramref name="start"/> to <paramref name="end"/> of a file.</summary>
    public static Reconstruction Of(long start, long end, long offsetIntoFirst, IEnumerable<TermAnswer> terms,
        IEnumerable<FetchRange> fetches)
    {
        var runs = ImmutableArray.CreateBuilder<FileRun>();
        if (offsetIntoFirst < 0 || offsetIntoFirst > start)
            throw Wrong($"bytes from {start - offsetIntoFirst} on");
        var at = start - offsetIntoFirst;
        foreach (var term in terms)
        {
            var run = new FileRun(Hash(term.Xorb), term.Chunks.Start, term.Chunks.End, at, term.Length);
            if (run.First < 0 || run.First >= run.End || run.End > XorbLayout.MaxChunks || run.Length <= 0
                || run.Length > (long)(run.End - run.First) * Chunker.MaxLength)
                throw Wrong($"chunks {run.First} to {run.End} of a xorb in {run.Length} bytes");
            runs.Add(run);
            at += run.Length;
        }
        if (at < end)
            throw Wrong($"bytes up to {at} where {start} to {end} were asked for");
        var ranges = fetches.ToImmutableArray();
        foreach (var range in ranges)
            if (range.From < 0 || range.First < 0 || range.First >= range.End || range.End > XorbLayout.MaxChunks
                || range.Length is <= 0 or > XorbLayout.MaxLength || range.Url.Scheme is not ("http" or "https"))
                throw Wrong($"a range of {range.Length} bytes at {range.Url.GetLeftPart(UriPartial.Path)}");
        foreach (var run in runs)
            if (!ranges.Any(r => r.Xorb == run.Xorb && r.First <= run.First && run.End <= r.End))
                throw Wrong($"chunks {run.First} to {run.End} of a xorb without saying where they are");
        return new Reconstruction(runs.ToImmutable(), ranges);
    }

    public static XetHash Hash(string text) => XetHash.TryParse(text, out var hash) ? hash : throw Wrong($"'{text}' for a hash");

    static HubClientException Wrong(string what) => new(HubProblem.WrongAnswer, $"the hub describes a file by {what}");
}
