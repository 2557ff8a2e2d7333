using Banyan.Runtime.Files;
using Banyan.Runtime.Files.Gguf;
using Banyan.Runtime.Generation;
using Banyan.Runtime.Models;
using Banyan.Runtime.WeightFormats;

namespace Banyan.Runtime.Quantization;

/// <summary>Computes an importance matrix: the squared inputs of each matrix, summed over a text, in llama-imatrix's format.</summary>
public static class ImportanceCollector
{
    /// <summary>Computes the text in chunks and writes a GGUF file, whole or not at all.</summary>
    /// <param name="model">A loaded model, not an encoder; best in the precision that is to be quantized.</param>
    /// <param name="tokens">The text; an incomplete chunk at the end is left out.</param>
    /// <param name="context">Tokens of a chunk.</param>
    /// <param name="output">Where to; a file that is there is replaced.</param>
    /// <param name="dataset">What the text is called in the file.</param>
    /// <param name="progress">Receives the number of completed chunks.</param>
    /// <param name="cancellationToken">Cancels between passes; nothing is left behind.</param>
    /// <returns>The matrices of which something is known.</returns>
    public static int Write(Model model, IReadOnlyList<int> tokens, int context, string output, string dataset,
        IProgress<int>? progress = null, CancellationToken cancellationToken = default)
    {
        var chunks = tokens.Count / context;
        if (chunks == 0)
            throw new ArgumentException($"the text has {tokens.Count} tokens, less than one chunk of {context}", nameof(tokens));
        var sums = new InputSums(model.Weights);
        TextChunks.Run(model, [.. tokens.Take(chunks * context)], context, context, null, sums, progress, cancellationToken);
        var writer = new GgufWriter().Set("general.type", "imatrix").Set("imatrix.datasets", new[] { dataset })
            .Set("imatrix.chunk_count", (uint)chunks).Set("imatrix.chunk_size", (uint)context);
        var known = sums.Sums.Where(s => s.Rows.Any(r => r > 0)).ToList();
        foreach (var sum in known)
        {
            if (sum.Squares.SelectMany(s => s).Any(v => !double.IsFinite(v)))
                throw new GenerationException(
                    $"{sum.Tensor} met numbers that are not finite: the model's weights are damaged (check the file's hash, or download it again)");
            writer.Add($"{sum.Tensor}.in_sum2", WeightFormat.F32, [sum.Squares.Count, sum.Columns],
                stream => Write(stream, sum.Squares.SelectMany(s => s)));
            writer.Add($"{sum.Tensor}.counts", WeightFormat.F32, [sum.Rows.Count, 1],
                stream => Write(stream, sum.Rows.Select(r => (double)r)));
        }
        WholeFile.Write(output, stream => writer.WriteTo(stream));
        return known.Sum(s => s.Squares.Count);
    }

    static void Write(Stream stream, IEnumerable<double> values)
    {
        foreach (var value in values)
            stream.Write(BitConverter.GetBytes((float)value));
    }
}
