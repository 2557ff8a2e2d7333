using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Banyan.Chunks;
using Banyan.Client.Xet;

namespace Banyan.Client.Cache;

/// <summary>
/// Which chunks of which xorbs the files on this disk contain. A pull reads chunks that already exist locally from disk: in another
/// revision, another model, a fine-tune's base. A recipe only says where to look; the whole file's hash is checked at the end.
/// </summary>
sealed class Recipes
{
    const int MostRecipes = 4096, MostBytes = 8 << 20;

    readonly string _folder;
    readonly Dictionary<XetHash, List<(string Path, FileRun Run)>> _runs = [];

    /// <summary>An empty list that will be added to a folder.</summary>
    public Recipes(string folder) => _folder = folder;

    public static string In(string stateFolder) => Path.Combine(stateFolder, "recipes");

    /// <summary>Reads the newest recipes whose files have not changed since.</summary>
    public static Recipes Load(string folder)
    {
        var recipes = new Recipes(folder);
        if (Directory.Exists(folder))
            foreach (var file in new DirectoryInfo(folder).EnumerateFiles("*.recipe")
                .OrderByDescending(f => f.LastWriteTimeUtc).Take(MostRecipes))
                if (file.Length <= MostBytes && !recipes.TryRead(file.FullName))
                    file.Delete();
        return recipes;
    }

    bool TryRead(string recipe)
    {
        try
        {
            var bytes = File.ReadAllBytes(recipe);
            var end = Array.IndexOf(bytes, (byte)0);
            if (end < 0 || Encoding.UTF8.GetString(bytes, 0, end).Split('\n') is not [var path, var size, var written])
                return false;
            var info = new FileInfo(path);
            if (!info.Exists || info.Length.ToString(CultureInfo.InvariantCulture) != size
                || info.LastWriteTimeUtc.Ticks.ToString(CultureInfo.InvariantCulture) != written)
                return false;
            foreach (var file in Shard.Read(bytes.AsSpan(end + 1)).Files)
            {
                var at = 0L;
                foreach (var term in file.Terms)
                {
                    if (term.Xorb == XetHash.Zero)
                    {
                        at += term.RawLength;
                        continue;
                    }
                    if (!_runs.TryGetValue(term.Xorb, out var list))
                        _runs[term.Xorb] = list = [];
                    list.Add((path, new FileRun(term.Xorb, (int)term.FirstChunk, (int)term.EndChunk, at, term.RawLength)));
                    at += term.RawLength;
                }
            }
            return true;
        }
        catch (Exception e) when (e is IOException or InvalidDataException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>
    /// Records a file's known runs. Runs overlap by a chunk where a pull's windows meet: those of one xorb are merged. Bytes from other
    /// sources (an earlier process, HTTP ranges) are gaps.
    /// </summary>
    public void Add(string path, IEnumerable<FileRun> runs)
    {
        var info = new FileInfo(path);
        var known = new List<FileRun>();
        foreach (var run in runs.OrderBy(r => r.Offset).ThenByDescending(r => r.Length))
        {
            var end = run.Offset + run.Length;
            var at = known.Count == 0 ? 0 : known[^1].Offset + known[^1].Length;
            if (end > info.Length || end <= at)
                continue;
            if (run.Offset >= at)
                known.Add(run);
            else if (known[^1] is var last && run.Xorb == last.Xorb && run.First >= last.First
                && run.First < last.End && run.End > last.End)
                known[^1] = last with { End = run.End, Length = end - last.Offset };
        }
        if (known.Count == 0)
            return;
        var terms = ImmutableArray.CreateBuilder<ShardTerm>();
        var written = 0L;
        foreach (var run in known)
        {
            for (; written < run.Offset; written += terms[^1].RawLength)
                terms.Add(new ShardTerm(XetHash.Zero, (uint)Math.Min(run.Offset - written, uint.MaxValue), 0, 1, null));
            terms.Add(new ShardTerm(run.Xorb, (uint)run.Length, (uint)run.First, (uint)run.End, null));
            written += run.Length;
        }
        Directory.CreateDirectory(_folder);
        var name = Path.Combine(_folder, $"{XetHash.OfChunk(Encoding.UTF8.GetBytes(path))}.recipe");
        using (var file = File.Create(name + ".tmp"))
        {
            file.Write(
                Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture,
                    $"{path}\n{info.Length}\n{info.LastWriteTimeUtc.Ticks}\0")));
            new Shard([new ShardFile(XetHash.Zero, terms.ToImmutable(), null)], []).Write(file);
        }
        File.Move(name + ".tmp", name, overwrite: true);
    }

    /// <summary>Writes the locally available parts of a plan's runs into the partial file; returns the number of bytes.</summary>
    public async Task<long> CopyAsync(ImmutableArray<FileRun> runs, PartialFile part, long size, CancellationToken cancellationToken)
    {
        var copied = 0L;
        foreach (var run in runs)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (run.Offset < 0 || run.Offset + run.Length > size || part.Missing(run.Offset, run.Offset + run.Length).Count == 0
                || !_runs.TryGetValue(run.Xorb, out var known))
                continue;
            var best = known.MaxBy(k => Math.Min(k.Run.End, run.End) - Math.Max(k.Run.First, run.First));
            copied += await Task.Run(() => Copy(run, best.Path, best.Run, part), cancellationToken);
        }
        return copied;
    }

    /// <summary>
    /// Copies the chunks that both have. The local bytes are chunked again to locate the chunks: cutting depends on nothing before a cut.
    /// The position of the shared chunks in the new run is known if they are at its start or end.
    /// </summary>
    static long Copy(FileRun run, string path, FileRun local, PartialFile part)
    {
        int first = Math.Max(run.First, local.First), end = Math.Min(run.End, local.End);
        if (first >= end || (first != run.First && end != run.End))
            return 0;
        try
        {
            using var file = File.OpenHandle(path);
            var buffer = new byte[4 << 20];
            var lengths = new List<int>();
            int filled = 0, cut = 0;
            long read = 0, start = 0;
            for (var chunk = local.First; chunk < end; chunk++)
            {
                if (filled - cut < Chunker.MaxLength && read < local.Length)
                {
                    buffer.AsSpan(cut, filled - cut).CopyTo(buffer);
                    (filled, cut) = (filled - cut, 0);
                    var more = RandomAccess.Read(file,
                        buffer.AsSpan(filled, (int)Math.Min(buffer.Length - filled, local.Length - read)), local.Offset + read);
                    if (more == 0)
                        return 0;
                    filled += more;
                    read += more;
                }
                var length = Chunker.FirstChunkLength(buffer.AsSpan(cut, filled - cut));
                if (length == 0)
                    return 0;
                cut += length;
                if (chunk < first)
                    start += length;
                else
                    lengths.Add(length);
            }
            var total = lengths.Sum(l => (long)l);
            if (total > run.Length || (first == run.First && end == run.End && total != run.Length))
                return 0;
            var to = first == run.First ? run.Offset : run.Offset + run.Length - total;
            using var destination = part.From(to);
            for (var at = 0L; at < total;)
            {
                var more = RandomAccess.Read(file, buffer.AsSpan(0, (int)Math.Min(buffer.Length, total - at)), local.Offset + start + at);
                if (more == 0)
                    return at;
                destination.Append(buffer.AsSpan(0, more));
                at += more;
            }
            return total;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return 0;   // the file went meanwhile: its chunks are fetched
        }
    }
}
