using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Banyan.Runtime.Files;

namespace Banyan.Runtime.Generation;

/// <summary>
/// Distributions over a text, as llama-perplexity writes them (--kl-divergence-base): <c>"_logits_", u32 context, i32 vocabulary, i32
/// chunks, i32 tokens[]</c>, then for each predicted token two floats, a step and the least log-probability, and 16 bits a token of the
/// vocabulary.
/// </summary>
sealed class BaseLogits : IDisposable
{
    const int MostContext = 1 << 24;

    readonly string _path;
    readonly FileStream _stream;
    readonly byte[] _row;
    readonly float[] _logProbs;

    public BaseLogits(string path)
    {
        _path = path;
        try
        {
            _stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 16);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ModelFileException(path, $"cannot be opened: {SystemProblem.Of(e)}", e);
        }
        try
        {
            Span<byte> head = stackalloc byte[20];
            if (_stream.ReadAtLeast(head, 20, throwOnEndOfStream: false) < 20 || !head[..8].SequenceEqual("_logits_"u8))
                throw new ModelFileException(path, "holds no distributions of a base: name what `banyan perplexity --save-base` wrote");
            (Context, Vocabulary) = (BinaryPrimitives.ReadInt32LittleEndian(head[8..]), BinaryPrimitives.ReadInt32LittleEndian(head[12..]));
            var chunks = BinaryPrimitives.ReadInt32LittleEndian(head[16..]);
            var rowBytes = 2 * (2 * ((Vocabulary + 1L) / 2) + 4);
            if (Context is < 2 or > MostContext || Vocabulary is < 1 or > 1 << 28 || chunks < 1
                || _stream.Length != 20 + (long)chunks * Context * 4 + (long)chunks * (Context - 1 - Context / 2) * rowBytes)
                throw new ModelFileException(path,
                    $"has {_stream.Length} bytes, which {chunks} chunks of {Context} tokens over a vocabulary of {Vocabulary} do not take: the file is cut short or damaged");
            Tokens = new int[(long)chunks * Context];
            _stream.ReadExactly(MemoryMarshal.AsBytes(Tokens.AsSpan()));
            (_row, _logProbs) = (new byte[rowBytes], new float[Vocabulary]);
        }
        catch
        {
            _stream.Dispose();
            throw;
        }
    }

    public int Context { get; }

    public int Vocabulary { get; }

    public int[] Tokens { get; }

    /// <summary>The log-probabilities of the next predicted token's vocabulary; until the next call.</summary>
    public ReadOnlySpan<float> Next()
    {
        _stream.ReadExactly(_row);
        var (step, least) = (BinaryPrimitives.ReadSingleLittleEndian(_row), BinaryPrimitives.ReadSingleLittleEndian(_row.AsSpan(4)));
        if (!float.IsFinite(step) || !float.IsFinite(least))
            throw new ModelFileException(_path, "holds log-probabilities that are no numbers: the file is damaged");
        var levels = MemoryMarshal.Cast<byte, ushort>(_row.AsSpan(8));
        for (var i = 0; i < _logProbs.Length; i++)
            _logProbs[i] = step * levels[i] + least;
        return _logProbs;
    }

    public void Dispose() => _stream.Dispose();

    /// <summary>Writes one.</summary>
    public sealed class Writer
    {
        readonly Stream _stream;
        readonly byte[] _row;

        public Writer(Stream stream, int vocabulary, int context, int[] tokens)
        {
            (_stream, _row) = (stream, new byte[2 * (2 * ((vocabulary + 1L) / 2) + 4)]);
            stream.Write("_logits_"u8);
            foreach (var number in (int[])[context, vocabulary, tokens.Length / context])
                stream.Write(BitConverter.GetBytes(number));
            stream.Write(MemoryMarshal.AsBytes<int>(tokens));
        }

        public void Add(ReadOnlySpan<float> logits, double logSum)
        {
            var (most, least) = (float.NegativeInfinity, float.PositiveInfinity);
            foreach (var logit in logits)
                (most, least) = (Math.Max(most, logit), Math.Min(least, logit));
            // What is less likely than e^-16 of the most likely counts as that.
            least = Math.Max(least, most - 16);
            var step = (most - least) / 65535f;
            BinaryPrimitives.WriteSingleLittleEndian(_row, step);
            BinaryPrimitives.WriteSingleLittleEndian(_row.AsSpan(4), (float)(least - logSum));
            var levels = MemoryMarshal.Cast<byte, ushort>(_row.AsSpan(8));
            for (var i = 0; i < logits.Length; i++)
                levels[i] = step > 0 && logits[i] > least
                    ? (ushort)Math.Clamp(MathF.Round((logits[i] - least) / step), 0, 65535) : (ushort)0;
            _stream.Write(_row);
        }
    }
}
