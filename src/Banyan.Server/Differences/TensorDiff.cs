using System.Diagnostics;
using Banyan.Server.Cards;
using Banyan.Server.Files;
using Banyan.Server.Viewer;

namespace Banyan.Server.Differences;

/// <summary>
/// What changed between two files of weights: tensors by their headers, and values of those with the same shape by a sample of both, at the
/// same places, read by ranges: all of a tensor up to 8192 numbers, three stretches of 2048 of a longer one.
/// </summary>
/// <param name="headers">Reads headers.</param>
/// <param name="opener">Opens files.</param>
sealed class TensorDiff(TensorHeaders headers, FileOpener opener)
{
    const int MaxTensors = 20_000, Stretches = 3, StretchNumbers = 2048, WholeNumbers = 8192;

    const long MaxRead = 48 << 20;

    /// <summary>The difference.</summary>
    /// <param name="repo">Row of the repository.</param>
    /// <param name="before">The file as it was, or null.</param>
    /// <param name="after">The file as it is, or null.</param>
    /// <param name="budget">Ends the comparison of values; what is left then is counted.</param>
    /// <param name="cancellationToken">Cancels the work.</param>
    public async Task<Meaning> OfAsync(long repo, RepoEntry? before, RepoEntry? after, Stopwatch budget,
        CancellationToken cancellationToken)
    {
        var old = await TableAsync(repo, before, cancellationToken);
        var now = await TableAsync(repo, after, cancellationToken);
        if (old is null || now is null)
            return Meaning.Failed("The header is damaged, too long to be shown, or the file was never uploaded.");
        if (old.Count > MaxTensors || now.Count > MaxTensors)
            return Meaning.Failed($"Files with more than {MaxTensors} tensors are not compared.");
        var (changes, same, notCompared) = (new List<MeaningChange>(), 0, 0);
        var was = Named(old);
        var names = Named(now);
        changes.AddRange(names.Values.Where(t => !was.ContainsKey(t.Name)).Select(t => new MeaningChange(t.Name, "added", null, Text(t))));
        changes.AddRange(was.Values.Where(t => !names.ContainsKey(t.Name))
            .Select(t => new MeaningChange(t.Name, "removed", Text(t), null)));
        var values = new List<MeaningChange>();
        var both = was.Values.Where(t => names.ContainsKey(t.Name)).ToArray();
        if (both.Length > 0 && await opener.OpenAsync(repo, before!, MaxRead, cancellationToken) is { } oldFile
            && await opener.OpenAsync(repo, after!, MaxRead, cancellationToken) is { } newFile)
            foreach (var tensor in both)
            {
                var (other, compared) = (names[tensor.Name], ((double Difference, long Sampled)?)null);
                var isSame = tensor.Type == other.Type && tensor.Shape.SequenceEqual(other.Shape);
                try
                {
                    if (tensor.Shape.SequenceEqual(other.Shape) && tensor.Numbers > 0 && budget.Elapsed < MeaningfulDiff.Patience)
                        compared = await CompareAsync((old, tensor, oldFile), (now, other, newFile), cancellationToken);
                }
                catch (ViewerException)
                {
                    // It lies outside of the file, or all that may be read was: it is told as not compared.
                }
                if (isSame && compared is null && tensor.Numbers > 0)
                    notCompared++;
                else if (isSame && compared is null or { Difference: 0 })
                    same++;
                else
                    values.Add(new(tensor.Name, "changed", Text(tensor), Text(other), compared?.Difference, compared?.Sampled ?? 0));
            }
        changes.AddRange(values.OrderByDescending(c => c.Difference ?? double.PositiveInfinity));
        return Meaning.Of(changes, same, notCompared, null);
    }

    async Task<TensorTable?> TableAsync(long repo, RepoEntry? entry, CancellationToken cancellationToken) =>
        entry is null ? new() : await headers.ReadAsync(repo, entry, new TensorTable(most: MaxTensors), cancellationToken);

    // A hostile header may name a tensor twice: the first counts.
    static Dictionary<string, TensorTable.Tensor> Named(TensorTable table) =>
        table.Tensors.DistinctBy(t => t.Name).ToDictionary(t => t.Name, StringComparer.Ordinal);

    static string Text(TensorTable.Tensor tensor) => $"{tensor.Type}, {tensor.ShapeText}";

    /// <summary>
    /// The relative difference of a sample, and its length (0 for all numbers); null if the numbers of a type cannot be read.
    /// </summary>
    static async Task<(double Difference, long Sampled)?> CompareAsync(
        (TensorTable Table, TensorTable.Tensor Tensor, FileBytes File) before,
        (TensorTable Table, TensorTable.Tensor Tensor, FileBytes File) after, CancellationToken cancellationToken)
    {
        if (TensorSample.ReaderOf(before.Tensor.Type) is not { } old || TensorSample.ReaderOf(after.Tensor.Type) is not { } now)
            return null;
        // Stretches begin and end with a block of both types; the lengths of blocks are powers of two.
        var (numbers, unit) = (before.Tensor.Numbers, Math.Max(old.Numbers, now.Numbers));
        if (numbers % unit != 0)
            return null;
        var isWhole = numbers <= WholeNumbers;
        var length = isWhole ? (int)numbers : StretchNumbers;
        var (squares, size, sampled) = (0.0, 0.0, 0L);
        for (var i = 0; i < (isWhole ? 1 : Stretches); i++)
        {
            var first = isWhole ? 0 : (numbers - length) / (Stretches - 1) * i / unit * unit;
            var a = await ReadAsync(before, old, first, length, cancellationToken);
            var b = await ReadAsync(after, now, first, length, cancellationToken);
            foreach (var (x, y) in a.Zip(b))
            {
                if (!double.IsFinite(x) || !double.IsFinite(y))
                    continue;
                squares += (y - x) * (y - x);
                size += x * x;
            }
            sampled += length;
        }
        var difference = squares == 0 ? 0 : size == 0 ? double.PositiveInfinity : Math.Sqrt(squares / size);
        return (difference, isWhole ? 0 : sampled);
    }

    static async Task<IEnumerable<double>> ReadAsync(
        (TensorTable Table, TensorTable.Tensor Tensor, FileBytes File) of,
        (int Numbers, int Bytes, Func<byte[], IEnumerable<double>> Read) type, long first, int length, CancellationToken cancellationToken)
    {
        var (table, tensor, file) = of;
        if (tensor.Offset < 0 || tensor.Numbers / type.Numbers > (file.Size - table.Start - tensor.Offset) / type.Bytes)
            throw new ViewerException($"The tensor {tensor.Name} does not lie within the file: it is damaged or truncated.");
        return type.Read(await file.ReadAsync(table.Start + tensor.Offset + first / type.Numbers * type.Bytes,
            length / type.Numbers * type.Bytes, cancellationToken));
    }
}
