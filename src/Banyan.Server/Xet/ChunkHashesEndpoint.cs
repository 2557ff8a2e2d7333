using System.Globalization;
using Banyan.Chunks;
using Banyan.Server.Access;
using Banyan.Server.Content;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Xet;

/// <summary><c>GET /v2/file-chunk-hashes/{file}</c>: for a client that changes some bytes of a large file, which parts it must fetch and
/// cut again, and hashes of the rest, so that it can name the new file without having the old one. For clients that may read the
/// file.</summary>
sealed class ChunkHashesEndpoint(XetAccess access, ContentStore contents, HeldFiles held)
{
    const string DirtyHeader = "X-Range-Dirty";
    const int MostRanges = 1000;

    public async Task<IResult> GetAsync(HttpContext context, string hash, CancellationToken cancellationToken)
    {
        var grant = await access.GrantAsync(context, write: false);
        var file = await held.OpenAsync(grant.Repo, Hashes.Parse(hash), cancellationToken)
            ?? throw HubException.NotFound($"The repository of this token has no file {hash}.");
        var windows = new ChunkWindows(Ranges(context.Request.Headers[DirtyHeader], file.Size));
        var terms = new List<(long Start, long End, XetHash Verification)>();
        long at = 0;
        foreach (var term in file.Terms)
        {
            var layout = await contents.Xorbs.LayoutAsync(term.Xorb, cancellationToken);
            var hashes = new XetHash[term.End - term.First];
            for (var i = term.First; i < term.End; i++)
            {
                hashes[i - term.First] = layout.Chunks[i].Hash;
                windows.Add(layout.Chunks[i].Hash, layout.RawLengthOf(i));
            }
            terms.Add((at, at + term.RawLength, MerkleTree.VerificationHash(hashes)));
            at += term.RawLength;
        }
        var between = windows.Finish();
        return Results.Json(
            new ChunkHashesAnswer(
                windows.Chunks, file.Size,
                [.. windows.Windows.Select(w => new WindowAnswer([w.Start, w.End]))],
                [.. between.Select(b => b.IsEmpty ? null
                    : new MerkleRunAnswer([.. b.Nodes.Select(n => new MerkleNodeAnswer(n.Hash.ToString(), (long)n.Length))],
                        [.. b.Levels.Select(l => new[] { l.Left, l.Right })], b.AtStart, b.AtEnd))],
                [.. Untouched(terms, windows.Windows)]),
            XetJson.Default.ChunkHashesAnswer);
    }

    /// <summary>The verification hashes of the file's terms that no window touches; both are in the file's order.</summary>
    static IEnumerable<string> Untouched(List<(long Start, long End, XetHash Verification)> terms,
        IReadOnlyList<(long Start, long End)> windows)
    {
        var next = 0;
        foreach (var (start, end, verification) in terms)
        {
            while (next < windows.Count && windows[next].End <= start)
                next++;
            if (next == windows.Count || windows[next].Start >= end)
                yield return verification.ToString();
        }
    }

    /// <summary>The ranges of a header <c>bytes=A-B,C-D</c>, in order, those that touch as one.</summary>
    /// <exception cref="HubException">400: none of them is in the file.</exception>
    static List<(long Start, long End)> Ranges(string? header, long size)
    {
        if (header?.StartsWith("bytes=", StringComparison.OrdinalIgnoreCase) != true
            || header.Split(',') is not { Length: <= MostRanges } parts)
            throw HubException.BadRequest($"{DirtyHeader}: say which bytes change, as bytes=0-99,500-599, in at most {MostRanges} ranges.");
        parts[0] = parts[0]["bytes=".Length..];
        var ranges = new List<(long Start, long End)>();
        foreach (var part in parts)
        {
            if (part.Trim().Split('-') is not [var first, var last] || !Number(first, out var start)
                || !Number(last, out var end) || end < start)
                throw HubException.BadRequest($"{DirtyHeader}: '{part}' is no range.");
            if (start < size)
                ranges.Add((start, Math.Min(end, size - 1) + 1));
        }
        if (ranges.Count == 0)
            throw HubException.BadRequest($"{DirtyHeader}: no range lies in the file's {size} bytes.");
        ranges.Sort();
        var merged = new List<(long Start, long End)> { ranges[0] };
        foreach (var range in ranges)
        {
            if (range.Start <= merged[^1].End)
                merged[^1] = (merged[^1].Start, Math.Max(merged[^1].End, range.End));
            else
                merged.Add(range);
        }
        return merged;
    }

    static bool Number(string text, out long value) => long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value);
}
