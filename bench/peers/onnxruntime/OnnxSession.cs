using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Banyan.Onnx;

/// <summary>ONNX Runtime with the same model, as sentence-transformers uses it: texts of a batch are padded to the longest.</summary>
sealed class OnnxSession : IDisposable
{
    readonly InferenceSession _session;
    readonly bool _poolsFirst;

    public OnnxSession(byte[] model, int threads, bool poolsFirst)
    {
        using var options = new SessionOptions
        {
            IntraOpNumThreads = threads,
            InterOpNumThreads = 1,
            GraphOptimizationLevel = GraphOptimizationLevel.ORT_ENABLE_ALL
        };
        (_session, _poolsFirst) = (new InferenceSession(model, options), poolsFirst);
    }

    /// <summary>The vectors of texts, of length 1.</summary>
    /// <param name="texts">Token ids of each.</param>
    public float[][] Embed(IReadOnlyList<int[]> texts)
    {
        var longest = texts.Max(t => t.Length);
        var (ids, mask, types) = (new DenseTensor<long>([texts.Count, longest]), new DenseTensor<long>([texts.Count, longest]),
            new DenseTensor<long>([texts.Count, longest]));
        for (var text = 0; text < texts.Count; text++)
            for (var i = 0; i < texts[text].Length; i++)
                (ids[text, i], mask[text, i]) = (texts[text][i], 1);
        var inputs = new[] { ("input_ids", ids), ("attention_mask", mask), ("token_type_ids", types) }
            .Where(i => _session.InputMetadata.ContainsKey(i.Item1))
            .Select(i => NamedOnnxValue.CreateFromTensor(i.Item1, i.Item2)).ToArray();
        using var outputs = _session.Run(inputs, [_session.OutputMetadata.First(o => o.Value.Dimensions.Length == 3).Key]);
        var states = (DenseTensor<float>)outputs[0].AsTensor<float>();
        var size = states.Dimensions[2];
        return [.. texts.Select((text, number) =>
        {
            var vector = new float[size];
            for (var token = 0; token < (_poolsFirst ? 1 : text.Length); token++)
                for (var i = 0; i < size; i++)
                    vector[i] += states.Buffer.Span[(number * longest + token) * size + i];
            var length = MathF.Sqrt(vector.Sum(v => v * v));
            return vector.Select(v => v / length).ToArray();
        })];
    }

    public void Dispose() => _session.Dispose();
}
