using Microsoft.Extensions.AI;

namespace Banyan.Runtime.Embeddings;

/// <summary>Offers an embedder as an embedding generator of Microsoft.Extensions.AI.</summary>
public static class EmbeddingGeneratorExtensions
{
    /// <summary>
    /// A generator over this embedder: vectors of length 1, with special tokens added as the model expects. Disposing it does not dispose
    /// the embedder.
    /// </summary>
    /// <remarks>
    /// <see cref="EmbeddingGenerationOptions.Dimensions"/> keeps the first numbers. A text longer than the context throws
    /// <see cref="ArgumentException"/>; nothing is truncated.
    /// </remarks>
    public static IEmbeddingGenerator<string, Embedding<float>> AsEmbeddingGenerator(this Embedder embedder) =>
        new EmbedderGenerator(embedder);
}

/// <summary>Vectors over an <see cref="Embedder"/>.</summary>
internal sealed class EmbedderGenerator(Embedder embedder) : IEmbeddingGenerator<string, Embedding<float>>
{
    readonly EmbeddingGeneratorMetadata _metadata = new("banyan", null, embedder.Model.Name, embedder.Dimensions);

    public Task<GeneratedEmbeddings<Embedding<float>>> GenerateAsync(
        IEnumerable<string> values, EmbeddingGenerationOptions? options = null, CancellationToken cancellationToken = default) =>
            Task.Run(() =>
    {
        var model = embedder.Model;
        var texts = values.Select((text, i) => model.Tokenizer.TryEncode(text, model.ContextLength, out var ids) ? ids
            : throw new ArgumentException(
                $"text {i + 1} has more than {model.ContextLength} tokens, and '{model.Name}' takes no more: shorten it", nameof(values)))
                    .ToList();
        var tokens = texts.Sum(t => (long)t.Length);
        var created = DateTimeOffset.UtcNow;
        return new GeneratedEmbeddings<Embedding<float>>(
            embedder.Embed(texts, dimensions: options?.Dimensions, cancellationToken: cancellationToken)
            .Select(v => new Embedding<float>(v) { CreatedAt = created, ModelId = model.Name }))
        {
            Usage = new UsageDetails { InputTokenCount = tokens, TotalTokenCount = tokens },
        };
    }, cancellationToken);

    public object? GetService(Type serviceType, object? serviceKey = null) =>
        serviceKey is not null ? null
        : serviceType == typeof(EmbeddingGeneratorMetadata) ? _metadata
        : serviceType.IsInstanceOfType(embedder) ? embedder
        : serviceType.IsInstanceOfType(embedder.Model) ? embedder.Model
        : serviceType.IsInstanceOfType(this) ? this
        : null;

    // The embedder belongs to whoever made it.
    public void Dispose() { }
}
