using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text;
using Banyan.Runtime.Generation;
using Banyan.Runtime.Generation.Speculation;
using Banyan.Runtime.Models;
using Banyan.Runtime.Prompts;
using Banyan.Runtime.Templates;
using Banyan.Runtime.Templates.Nodes;
using Banyan.Runtime.Templates.Parsing;
using Banyan.Runtime.Templates.Values;
using Banyan.Runtime.Tokenizers;
using Banyan.Server.Inference.Requests;
using Banyan.Server.Keys;

namespace Banyan.Server.Inference.Models;

/// <summary>
/// A model in memory with the engine that batches its requests, or an adapter beside one: the same model and engine, under another name.
/// </summary>
sealed class LoadedModel : IAsyncDisposable
{
    readonly ChatTemplate? _replacement;
    readonly Model? _draft;
    readonly ModelAdapter? _adapter;
    readonly LoadedModel? _base;
    volatile ModelSettings _settings;
    readonly Engine? _engine;
    readonly Lazy<Vectors> _vectors;
    readonly SemaphoreSlim _scoring = new(1);

    public LoadedModel(string name, Model model, ChatTemplate? replacement, Model? draft, ModelSettings settings)
    {
        (Name, Model, _replacement, _draft, _settings) = (name, model, replacement, draft, settings);
        _engine = model.Config.IsEncoder ? null : new Engine(model, new EngineOptions { Draft = draft });
        _vectors = new(() => new(this, null));
    }

    /// <summary>An adapter of a loaded model, or a model that was created of it; that one owns what both use.</summary>
    public LoadedModel(string name, LoadedModel @base, ModelAdapter? adapter, ModelSettings? settings = null,
        ChatTemplate? replacement = null)
    {
        (Name, Model, _engine, _replacement, _adapter, _base, _settings) =
            (name, @base.Model, @base._engine, replacement ?? @base._replacement, adapter ?? @base._adapter, @base,
                settings ?? ModelSettings.None);
        _vectors = new(() => new(this, _adapter));
    }

    /// <summary>
    /// It with adapters, each at a scale; the adapter itself where there is one, as it was trained. Whoever asks need not dispose it.
    /// </summary>
    /// <exception cref="NotSupportedException">One of them cannot be scaled or put beside others.</exception>
    public LoadedModel With(IReadOnlyList<(LoadedModel Model, float Scale)> adapters) => adapters switch
    {
        [] => this,
        [(var one, 1)] => one,
        _ => new LoadedModel(Name, this,
            Model.MixAdapters(adapters.Where(a => a.Model._adapter is not null).Select(a => (a.Model._adapter!, a.Scale)))),
    };

    public string Name { get; }
    public Model Model { get; }

    /// <summary>Its settings, completed with those of its base.</summary>
    public ModelSettings Settings { get => _base is null ? _settings : _settings.Over(_base.Settings); set => _settings = value; }

    /// <summary>The template this server was started with, or else the model's own; null for a model that only completes.</summary>
    /// <exception cref="TemplateException">The model's own cannot be parsed.</exception>
    public ChatTemplate? Template => _replacement ?? Model.Template;

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

    /// <summary>How it writes calls and reasoning, by its template; null for a model without one.</summary>
    /// <exception cref="TemplateException">The model's own template cannot be parsed.</exception>
    public Conversation? Conversation => _conversation ??= Template is { } template ? new Conversation(Tokenizer, template) : null;
    Conversation? _conversation;

    /// <summary>Whether it generates text; an encoder gives vectors and scores alone.</summary>
    public bool Generates => _engine is not null;

    /// <summary>What its engine is doing; null for an encoder, which has none.</summary>
    public EngineStatus? Status => _engine?.Status;

    /// <summary>Turns texts into vectors and scores.</summary>
    public Vectors Vectors => _vectors.Value;

    public Tokenizer Tokenizer => Model.Tokenizer;

    /// <summary>Tokens a prompt and its answer may have together.</summary>
    public int ContextLength => Model.ContextLength;

    /// <summary>Changes with Banyan's version and with the weights: the same seed gives the same text under the same fingerprint.</summary>
    public string Fingerprint => _fingerprint ??= "fp_" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(
        $"{typeof(LoadedModel).Assembly.GetName().Version}|{Name}|{Model.WeightBytes}")).AsSpan(0, 5));
    string? _fingerprint;

    /// <summary>Generates with its adapter, where it is one.</summary>
    /// <inheritdoc cref="Engine.GenerateAsync"/>
    public IAsyncEnumerable<Generated> GenerateAsync(IReadOnlyList<int> prompt, GenerationOptions options,
        CancellationToken cancellationToken)
    {
        var pieces = (_engine ?? throw CannotGenerate()).GenerateAsync(prompt,
            options with { Adapter = _adapter, Client = KeyHolder.Current?.Key.Name }, cancellationToken);
        return KeyHolder.Current is { } holder ? CountedAsync(holder, prompt.Count, pieces, cancellationToken) : pieces;
    }

    // Also of an answer that its client leaves, up to there.
    static async IAsyncEnumerable<Generated> CountedAsync(KeyHolder holder, int prompt, IAsyncEnumerable<Generated> pieces,
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var answer = 0;
        try
        {
            await foreach (var piece in pieces.WithCancellation(cancellationToken))
            {
                answer += piece.Token is null ? 0 : 1;
                yield return piece;
            }
        }
        finally
        {
            holder.Count(prompt, answer);
        }
    }

    /// <summary>The error for a request for text from an encoder.</summary>
    public ApiException CannotGenerate() => ApiException.Invalid("model",
        $"'{Name}' is an encoder ({Model.Config.Architecture}): it gives {(Vectors.CanScore ? "scores (/v1/rerank)" : "vectors (/v1/embeddings)")} and generates no text. Name another model.", "model_not_supported");

    /// <summary>The log-probabilities of a prompt's own tokens, one prompt at a time.</summary>
    /// <inheritdoc cref="PromptScorer.Score"/>
    public async Task<IReadOnlyList<ScoredToken>> ScoreAsync(IReadOnlyList<int> tokens, int top, CancellationToken cancellationToken)
    {
        await _scoring.WaitAsync(cancellationToken);
        KeyHolder.Current?.Count(tokens.Count, 0);
        try
        {
            return await Task.Run(() => PromptScorer.Score(Model, tokens, top, _adapter, cancellationToken), cancellationToken);
        }
        finally
        {
            _scoring.Release();
        }
    }

    /// <summary>Runs a first pass, which compiles the kernels, so that the first user does not wait for that.</summary>
    public async Task WarmUpAsync(CancellationToken cancellationToken)
    {
        if (!Generates)
        {
            await Vectors.EmbedAsync([[Tokenizer.Bos ?? Tokenizer.Eos ?? 0]], cancellationToken: cancellationToken);
            return;
        }
        var start = Tokenizer.Bos ?? Tokenizer.Eos ?? 0;
        await foreach (var _ in GenerateAsync([.. Enumerable.Repeat(start, Math.Min(16, ContextLength - 2))],
            new() { MaxTokens = 2, IgnoreEndOfText = true }, cancellationToken))
        {
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_vectors.IsValueCreated)
            await _vectors.Value.DisposeAsync();
        await _scoring.WaitAsync();
        _scoring.Dispose();
        if (_base is not null)
            return;
        if (_engine is not null)
            await _engine.DisposeAsync();
        Model.Dispose();
        _draft?.Dispose();
    }
}
