using System.Security.Cryptography;
using System.Text;
using Banyan.Runtime.Generation;
using Banyan.Runtime.Models;
using Banyan.Runtime.Templates;
using Banyan.Runtime.Tokenizers;

namespace Banyan.Server.Inference.Models;

/// <summary>A model in memory with the engine that batches its requests.</summary>
sealed class LoadedModel(string name, Model model, ChatTemplate? replacement, Model? draft) : IAsyncDisposable
{
    public string Name { get; } = name;
    public Model Model { get; } = model;

    /// <summary>The template this server was started with, or else the model's own; null for a model that only completes.</summary>
    /// <exception cref="TemplateException">The model's own cannot be parsed.</exception>
    public ChatTemplate? Template => replacement ?? Model.Template;

    /// <summary>Whether it has a usable template.</summary>
    public bool Chats
    {
        get
        {
            try
            {
                return Template is not null;
            }
            catch (TemplateException)
            {
                return false;
            }
        }
    }

    public Engine Engine { get; } = new(model, new EngineOptions { Draft = draft });
    public Tokenizer Tokenizer => Model.Tokenizer;

    /// <summary>Tokens a prompt and its answer may have together.</summary>
    public int ContextLength => Model.ContextLength;

    /// <summary>Changes with Banyan's version and with the weights: the same seed gives the same text under the same fingerprint.</summary>
    public string Fingerprint { get; } = "fp_" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(
        $"{typeof(LoadedModel).Assembly.GetName().Version}|{name}|{model.WeightBytes}")).AsSpan(0, 5));

    /// <summary>A first pass compiles the kernels: that is not to be the first user's wait.</summary>
    public async Task WarmUpAsync(CancellationToken cancellationToken)
    {
        var start = Tokenizer.Bos ?? Tokenizer.Eos ?? 0;
        await foreach (var _ in Engine.GenerateAsync([.. Enumerable.Repeat(start, Math.Min(16, ContextLength - 2))], new() { MaxTokens = 2, IgnoreEndOfText = true }, cancellationToken))
        {
        }
    }

    public async ValueTask DisposeAsync()
    {
        await Engine.DisposeAsync();
        Model.Dispose();
        draft?.Dispose();
    }
}
