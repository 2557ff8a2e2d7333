using System.Security.Cryptography;
using System.Text;
using Banyan.Runtime.Generation;
using Banyan.Runtime.Models;
using Banyan.Runtime.Templates;
using Banyan.Runtime.Tokenizers;

namespace Banyan.Server.Inference.Models;

/// <summary>A model in memory with the engine that batches its requests.</summary>
sealed class LoadedModel(string name, Model model, ChatTemplate? template) : IAsyncDisposable
{
    public string Name { get; } = name;
    public Model Model { get; } = model;
    public ChatTemplate? Template { get; } = template;
    public Engine Engine { get; } = new(model, null);
    public Tokenizer Tokenizer => Model.Tokenizer;

    /// <summary>Tokens a prompt and its answer may have together.</summary>
    public int ContextLength => Model.ContextLength;

    /// <summary>Changes with Banyan's version and with the weights: the same seed gives the same text under the same fingerprint.</summary>
    public string Fingerprint { get; } = "fp_" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(
        $"{typeof(LoadedModel).Assembly.GetName().Version}|{name}|{model.WeightBytes}")).AsSpan(0, 5));

    public async ValueTask DisposeAsync()
    {
        await Engine.DisposeAsync();
        Model.Dispose();
    }
}
